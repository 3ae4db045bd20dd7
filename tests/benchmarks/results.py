"""The files of a benchmark's figures, written anew after each part."""

import importlib.metadata
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cl_lightning.files import replacing
from cl_lightning.methods.versions import versions
from cl_lightning.runs.circumstances import circumstances
from tests.benchmarks.measured import tables
from tests.benchmarks.parts import Outcome

PEERS = ("lightly", "kornia", "pytorch-metric-learning")
SEED = 0


def new_folder(root: Path) -> Path:
    """A folder of its own for each start, so that nothing is written over."""
    folder = root / time.strftime("%Y-%m-%d-%H%M%S", time.gmtime())
    folder.mkdir(parents=True)
    return folder


def content(module: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What all parts measured, with the command, day, commit, machine and versions that it comes from."""
    parts = {
        outcome.part: {"end": outcome.end, "seconds": round(outcome.seconds), "rows": outcome.rows}
        for outcome in outcomes
    }
    told = {
        "command": shlex.join(["python", "-m", module, *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seed": SEED,
    }
    return told | {"parts": parts, "versions": versions() | peers()} | circumstances()


def peers() -> dict[str, str]:
    """The versions of the peers that are installed."""
    installed = {each.metadata["Name"]: each.version for each in importlib.metadata.distributions()}
    return {name: installed[name] for name in PEERS if name in installed}


def keep(folder: Path, name: str, found: dict[str, Any]) -> None:
    """Write NAME.json and NAME.txt, each whole or not at all."""
    for ending, text in (("json", json.dumps(found, indent=2)), ("txt", "\n".join(in_words(found)))):
        with replacing(folder / f"{name}.{ending}") as part:
            part.write(f"{text}\n".encode())


def in_words(found: dict[str, Any]) -> list[str]:
    """All figures as text."""
    lines = [heading(found), ""]
    lines += tables([row for part in found["parts"].values() for row in part["rows"]])
    ends = {name: part["end"] for name, part in found["parts"].items() if part["end"] != "done"}
    return lines + ([""] if ends else []) + [f"{name}: {end}" for name, end in ends.items()]


def heading(found: dict[str, Any]) -> str:
    """Where and with what the figures were measured."""
    machine = found["machine"]
    using = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    gpus = f", {', '.join(machine['gpus'])}" if machine["gpus"] else ""
    return f"{found['date']}, {machine['processor']}, {machine['cores']} cores{gpus}; {using}"
