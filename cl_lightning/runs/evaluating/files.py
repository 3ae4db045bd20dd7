"""The folders and files of evaluations."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.files import replacing

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

    Raises:
        ConfigError: no space or no permission; an earlier file stays unchanged.
    """
    file = place / f"evaluation-{evaluation['encoder']}.json"
    verb = "replaced" if file.exists() else "wrote"
    try:
        with replacing(file) as part:
            part.write(json.dumps(evaluation, indent=2).encode())
            part.write(b"\n")
    except OSError as error:
        raise ConfigError(
            f"{file} can't be written: {error.strerror}; accepted: --to DIR, a folder with space that can be "
            "written to"
        ) from error
    return f"{verb} {file}"
