"""The run that a new run goes on from, as `run.extend` names it."""

from pathlib import Path
from typing import Any, NamedTuple

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.folder import RunFolder

KEPT = "step-*.ckpt"  # see `LastCheckpoint`
ACCEPTED = "accepted: the folder of a finished run, or a checkpoint file of a run"


class Parent(NamedTuple):
    """`given` is what the user typed, `file` the checkpoint, `folder` its run folder if it is in one."""

    given: str
    file: Path
    folder: RunFolder | None


def parent_of(config: dict[str, Any]) -> Parent | None:
    """The parent of a config's run; None if it has none.

    Raises:
        ConfigError: there is no such run or file, or the run is not finished.
    """
    given = config["run"].get("extend")
    if given is None:
        return None
    path = Path(given).expanduser()
    folder = parent_folder(config)
    if path.is_file():
        _check_stays(path, folder, given)
        return Parent(given, path, folder)
    if folder is None:
        what = "no run folder: it has no config.yaml" if path.is_dir() else "not there"
        raise ConfigError(f"run.extend is {given}, which is {what}; {ACCEPTED}")
    if folder.summary() is None:
        files = "".join(f", or run.extend={file}" for file in _kept(folder))
        raise ConfigError(
            f"run.extend is {given}, which is not finished; accepted: the command of this run, which goes on "
            f"with it{files}"
        )
    if not folder.checkpoint.is_file():
        raise ConfigError(f"run.extend is {given}, which has no checkpoints/last.ckpt; {ACCEPTED}")
    return Parent(given, folder.checkpoint, folder)


def _check_stays(file: Path, folder: RunFolder | None, given: str) -> None:
    """Refuse the last checkpoint of a run that is training, which will be another one at any time."""
    if folder is not None and file.name == folder.checkpoint.name and folder.state() == "running":
        kept = "".join(f"run.extend={one}, or " for one in _kept(folder))
        raise ConfigError(
            f"run.extend is {given}, but its run is training and will write this file again; accepted: "
            f"{kept}a copy of this file, or this command when the run has ended"
        )


def _kept(folder: RunFolder) -> list[Path]:
    """The newest checkpoint of an unfinished run that stays as it is, if there is one."""
    if folder.state() != "running":
        return [folder.checkpoint] if folder.checkpoint.is_file() else []
    return sorted(folder.checkpoint.parent.glob(KEPT))[-1:]


def parent_folder(config: dict[str, Any]) -> RunFolder | None:
    """The run folder of a config's parent; None if it has none, or if its checkpoint is in none."""
    given = config["run"].get("extend")
    if given is None:
        return None
    path = Path(given).expanduser()
    folder = RunFolder(path if path.is_dir() else path.parent.parent)
    return folder if folder.has_begun and (path.is_dir() or path.parent.name == "checkpoints") else None
