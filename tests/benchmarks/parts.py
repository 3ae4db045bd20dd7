"""Parts of a benchmark, each in a process of its own with a limit of time, so that no part can spoil others.

A part writes what it measured line by line. These lines are kept if it fails or takes too long.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

DIFFERENT = 3  # exit code of a part in which a fast path differs from its plain one
TO_SAVE = 20.0  # seconds that a part has to end by itself


@dataclass(frozen=True)
class Part:
    """What `command` measures; `{rows}` in it stands for the file to write lines of JSON to.

    Args:
        name: as in PARTS.
        command: the words of a command.
        limit: seconds after which it is ended with all its processes.
        needs: packages without which it is left out.
    """

    name: str
    command: Sequence[str]
    limit: float
    needs: Sequence[str] = ()

    def missing(self) -> list[str]:
        return [package for package in self.needs if importlib.util.find_spec(package) is None]


@dataclass
class Outcome:
    """How a part ended, and what it measured."""

    part: str
    end: str
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = 0

    @property
    def well(self) -> bool:
        """Measured all, or was left out for want of a package."""
        return self.code == 0


def measured_by(module: str, *arguments: str) -> list[str]:
    """The command of a part that is a module with a function `measure`."""
    return [sys.executable, "-m", "tests.benchmarks.one_part", module, "{rows}", *arguments]


def run(part: Part, folder: Path) -> Outcome:
    """Run a part; its output goes to `folder`/NAME.log."""
    if missing := part.missing():
        return Outcome(part.name, f"left out: {' and '.join(missing)} not installed")
    rows, log = folder / f"{part.name}.jsonl", folder / f"{part.name}.log"
    words = [word.replace("{rows}", str(rows)) for word in part.command]
    begun = time.monotonic()
    with log.open("wb") as written:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT, start_new_session=True
        )
        with ended_with_all_it_started(process):
            code = within(process, part.limit)
    seconds = time.monotonic() - begun
    return Outcome(part.name, in_words(code, part.limit, log), seconds, lines_of(rows), code)


def within(process: "subprocess.Popen[bytes]", limit: float) -> int | None:
    """The exit code; None if the limit has passed."""
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None


@contextmanager
def ended_with_all_it_started(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """At the end of `with`, also by an error or Ctrl-C, a process and all that it started are gone.

    They get SIGTERM first, at which a run of cl-train saves, and SIGKILL 20 seconds later.
    """
    try:
        yield
    finally:
        started = in_session(process.pid)
        for each in started:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        psutil.wait_procs(started, TO_SAVE)
        for each in started | in_session(process.pid):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()


def in_session(session: int) -> set[psutil.Process]:
    """Processes of a session, and all that these have started in others."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == session:
                found |= {process, *process.children(recursive=True)}
    return found


def lines_of(rows: Path) -> list[dict[str, Any]]:
    """What a part wrote; a last line that is not whole is left out."""
    text = rows.read_text(encoding="utf-8") if rows.is_file() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def in_words(code: int | None, limit: float, log: Path) -> str:
    """How a part ended; the last line of its log says why it failed."""
    if code is None:
        return f"ended at its limit of {limit:g} s"
    if code == 0:
        return "done"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    why = next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}")
    return f"failed: {why}"
