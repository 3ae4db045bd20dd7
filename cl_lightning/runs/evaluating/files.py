"""Where evaluations are written, and whether they can be."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import replacing

PROBE = 2**16  # bytes, more than an evaluation has


def places(runs: Sequence[Path], to: Path | None) -> dict[Path, Path]:
    """The folder for the evaluations of each run: its own, or one of the run's name below `to`.

    Runs of the same name are told apart by the folders above them.
    """
    if to is None:
        return {run: run for run in runs}
    whole = {run: run.resolve().parts[1:] for run in runs}
    names = set(whole.values())
    length = 1
    while len({name[-length:] for name in names}) < len(names):
        length += 1
    return {run: to.joinpath(*name[-length:]) for run, name in whole.items()}


def why_not(place: Path) -> str | None:
    """Why evaluations can't be written into a folder, which is made if it is missing; None where they can."""
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
    """Write an evaluation, as a whole or not at all, and say so.

    Raises:
        ConfigError: no room, no permission; one that was there stays.
    """
    file = place / f"evaluation-{evaluation['encoder']}.json"
    verb = "replaced" if file.exists() else "wrote"
    try:
        with replacing(file) as part:
            part.write(json.dumps(evaluation, indent=2).encode())
            part.write(b"\n")
    except OSError as error:
        raise ConfigError(
            f"{file} can't be written: {error.strerror}; accepted: --to DIR, a folder that can be written to "
            "and has room"
        ) from error
    return f"{verb} {file}"
