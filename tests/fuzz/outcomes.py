"""Runs cases of random overrides, each in a process of its own that may neither wait nor take all memory.

    python -m tests.fuzz.outcomes FIRST COUNT

prints a line of JSON for each case.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import cl_lightning.runs.pictures
import cl_lightning.train
from tests.fuzz.overrides import case

BESIDE = ("warning: ", "epoch ")  # what a run may also write to stderr
START_REPORT = "effective batch"  # on stdout, once training begins
SECONDS = 60
MEMORY = 8 * 2**30  # bytes of address space


def outcome(arguments: list[str]) -> dict[str, Any]:
    """How `cl-train ARGUMENTS` ends: its exit code (below 0: the signal), what it writes and leaves."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in").mkdir()
        started = time.monotonic()
        child = os.fork()
        if not child:
            _train(folder, arguments)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {
            "arguments": arguments,
            "code": code,
            "seconds": round(time.monotonic() - started, 2),
            "out": (folder / "out").read_text(errors="replace"),
            "err": (folder / "err").read_text(errors="replace"),
            "left": sorted(
                str(p.relative_to(folder / "in")) for p in (folder / "in").rglob("*") if p.is_file()
            ),
        }


def _train(folder: Path, arguments: list[str]) -> None:
    """Becomes `cl-train ARGUMENTS`; never returns."""
    code = 1
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)
        os.chdir(folder / "in")
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        sys.argv = ["cl-train", *arguments]
        cl_lightning.train.main()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def fault(found: dict[str, Any]) -> str | None:
    """What is wrong with an outcome: unless a run trained, or told in one line why not and left nothing."""
    left = found["left"]
    if found["code"] == 0:
        if not left and any(word.startswith("trainer.fast_dev_run=") for word in found["arguments"]):
            return None
        return None if any(name.endswith("summary.json") for name in left) else "exit 0 without a summary"
    lines = [line for line in found["err"].splitlines() if not line.startswith(BESIDE)]
    if found["code"] != 1:
        return f"exit {found['code']}"
    if "Traceback" in found["err"]:
        return "traceback"
    if len(lines) != 1 or not lines[0].startswith("cl-train: "):
        return "more than one line"
    if left and START_REPORT not in found["out"]:
        return "left files before the first step"
    return None


def warm_up() -> None:
    """One run here, so that no case has to import what it needs."""
    from tests.small import SMALL

    with tempfile.TemporaryDirectory() as place, open(os.devnull, "w") as nowhere:
        before, argv = os.getcwd(), sys.argv
        os.chdir(place)
        sys.argv = ["cl-train", *SMALL]
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            cl_lightning.train.main()
        os.chdir(before)
        sys.argv = argv


def main() -> None:
    # Pictures take seconds and have tests of their own.
    cl_lightning.runs.pictures.write_pictures = lambda folder, trainer: []
    warm_up()
    first, count = map(int, sys.argv[1:3])
    for number in range(first, first + count):
        found = outcome(case(number))
        print(json.dumps({"number": number} | found | {"fault": fault(found)}), flush=True)


if __name__ == "__main__":
    main()
