"""Finds runs in folders."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from cl_lightning.blueprints import ConfigError
from cl_lightning.reports.run import Run, read_run
from cl_lightning.runs.folder import RunFolder

ACCEPTED = "accepted: a folder that holds run folders, such as runs, or a run folder"


def find_runs(folders: Sequence[str | Path]) -> tuple[list[Run], list[str]]:
    """All runs in `folders` (run folders, or folders that hold run folders), and why others are left out.

    Raises:
        ConfigError: a folder does not exist, or none of them holds a run.
    """
    runs, left_out = [], []
    for path, reason in _places(folders).items():
        if reason:
            left_out.append(reason)
            continue
        try:
            runs.append(read_run(RunFolder(path)))
        except ConfigError as error:
            left_out.append(str(error))
    if not runs:
        raise ConfigError(f"{'; '.join(left_out)}; {ACCEPTED}")
    runs, copies = _unique(runs)
    return runs, left_out + copies


def _places(folders: Iterable[str | Path]) -> dict[Path, str]:
    """Run folders, each once, sorted by name, with an empty text; other places with what is missing there."""
    places: dict[Path, tuple[Path, str]] = {}
    for folder in map(Path, folders):
        if not folder.exists():
            raise ConfigError(f"{folder} is not there; {ACCEPTED}")
        try:
            found = _run_folders(folder)
        except OSError as error:
            raise ConfigError(f"{folder} can't be read: {error.strerror}; {ACCEPTED}") from error
        kind = "holds no run: no folder with a config.yaml" if folder.is_dir() else "is a file"
        places |= {place.resolve(): (place, "") for place in found} or {folder: (folder, f"{folder} {kind}")}
    return dict(places.values())


def _run_folders(folder: Path) -> list[Path]:
    if (folder / "config.yaml").is_file():
        return [folder]
    inside = folder.iterdir() if folder.is_dir() else ()
    return sorted(place for place in inside if (place / "config.yaml").is_file())


def _unique(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Each run once (of several copies the finished one), and a text about each other copy."""
    kept: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.state != "finished"):
        kept.setdefault(run.hash, run)
    copies = [run for run in runs if kept[run.hash] is not run]
    return [run for run in runs if kept[run.hash] is run], [
        f"{run.folder.path} is a copy of {kept[run.hash].folder.path}" for run in copies
    ]
