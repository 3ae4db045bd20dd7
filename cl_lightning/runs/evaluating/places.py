"""The folders for the files of evaluations."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.telling import tell

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
        tell(
            f"{run} can't be written to: {reason}; its row in the table is printed, but no file is written; "
            "accepted: --to DIR"
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
