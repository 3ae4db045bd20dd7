"""The folders and files of evaluations."""

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import replacing
from cl_lightning.runs.evaluating.content import of_one_network

PROBE = 2**16  # bytes; more than an evaluation file has


def places(runs: Sequence[Path], to: Path | None) -> dict[Path, Path]:
    """The folder for the evaluations of each run: the run folder, or a folder of its name below `to`.

    If several runs have the same name, the names of their parent folders are added.
    """
    if to is None:
        return {run: run for run in runs}
    whole = {run: run.resolve().parts[1:] for run in runs}
    names = set(whole.values())
    length = 1
    while len({name[-length:] for name in names}) < len(names):
        length += 1
    return {run: to.joinpath(*name[-length:]) for run, name in whole.items()}


def writable(runs: Sequence[Path], to: str | None) -> dict[Path, Path]:
    """The folders for the evaluations of the runs. Names those that can't be written to, and leaves them out.

    Raises:
        ConfigError: a folder below `to` can't be written to.
    """
    found = places(runs, None if to is None else Path(to))
    reasons = {run: reason for run, place in found.items() if (reason := why_not(place)) is not None}
    for run, reason in reasons.items():
        if to is not None:
            raise ConfigError(
                f"--to is {to}, but {found[run]} can't be written to: {reason}; accepted: a folder that can"
            )
        print(
            f"cl-eval: {run} can't be written to: {reason}; its row in the table is printed, but no file is "
            "written; accepted: --to DIR",
            file=sys.stderr,
        )
    return {run: place for run, place in found.items() if run not in reasons}


def why_not(place: Path) -> str | None:
    """Why a folder can't be written to (it is made if it is missing); None if it can."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(bytes(PROBE))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.strerror
    return None


def write(place: Path, evaluation: dict[str, Any]) -> str:
    """Write an evaluation, completely or not at all. Returns a message.

    Results of other protocols that are in the file stay there if they are of the same network and images.

    Raises:
        ConfigError: no space or no permission; an earlier file stays unchanged.
    """
    file = place / f"evaluation-{evaluation['encoder']}.json"
    before, said = _earlier(file), f"wrote {file}"
    if before is not None:
        said = f"replaced {file}"
        if not of_one_network(before, evaluation):
            said += ", which was of another checkpoint or other images"
        elif kept := before["results"].keys() - evaluation["results"].keys():
            evaluation = evaluation | {"results": before["results"] | evaluation["results"]}
            said = f"added to {file}, which has {len(kept)} more"
    try:
        with replacing(file) as part:
            part.write(json.dumps(evaluation, indent=2).encode())
            part.write(b"\n")
    except OSError as error:
        raise ConfigError(
            f"{file} can't be written: {error.strerror}; accepted: --to DIR, a folder with space that can be "
            "written to"
        ) from error
    return said


def _earlier(file: Path) -> dict[str, Any] | None:
    """The evaluation in a file; None if there is none."""
    if not file.is_file():
        return None
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("results"), dict):
            return content
    return {}
