"""Runs the parts of a benchmark one after the other, shows and writes what they measured."""

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.benchmarks import results
from tests.benchmarks.measured import tables
from tests.benchmarks.parts import DIFFERENT, Outcome, Part, run


def chosen(parts: Sequence[Part], names: Sequence[str], program: str) -> list[Part]:
    """Those with these names, or all; ends the program with a message if there is no such part."""
    known = [part.name for part in parts]
    for name in names:
        if name not in known:
            sys.exit(f"{program}: PARTS is {' '.join(names)}; accepted: {', '.join(known)}, or none for all")
    return [part for part in parts if not names or part.name in names]


def run_all(parts: Sequence[Part], root: Path, program: str, module: str) -> tuple[Path, list[Outcome]]:
    """Run parts; returns the folder of the figures and how each part ended.

    A part that fails does not end the others, unless a fast path differs from its plain one.
    """
    folder = results.new_folder(root)
    print(f"{program}: {len(parts)} parts, figures and logs in {folder}", flush=True)
    outcomes: list[Outcome] = []
    for part in parts:
        print(f"\n{time.strftime('%H:%M')} {part.name}, at most {part.limit / 60:g} minutes", flush=True)
        outcomes.append(outcome := run(part, folder))
        results.keep(folder, program, results.content(module, outcomes))
        print("\n".join([*tables(outcome.rows), f"{outcome.end}, {outcome.seconds:.0f} s"]), flush=True)
        if outcome.code == DIFFERENT:
            print(f"{program}: the rest is left out, because a difference makes times worthless", flush=True)
            break
    return folder, outcomes


def end_by_sigterm_too() -> None:
    """SIGTERM ends the program as an error does, so that it takes with it what it has started."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def told(folder: Path, outcomes: Sequence[Outcome], program: str) -> int:
    """Print all figures; returns the exit code."""
    print("\n" + (folder / f"{program}.txt").read_text(encoding="utf-8"))
    print(f"wrote {folder}/{program}.json")
    failed = [outcome.part for outcome in outcomes if not outcome.well]
    if failed:
        print(f"{program}: not done: {', '.join(failed)}; see {folder}/PART.log", file=sys.stderr)
    return 1 if failed else 0
