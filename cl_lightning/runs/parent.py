"""The run that a new run goes on from, as `run.extend` names it."""

from pathlib import Path
from typing import Any, NamedTuple

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.folder import RunFolder

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
    if path.is_file():
        return Parent(given, path, parent_folder(config))
    folder = parent_folder(config)
    if folder is None:
        what = "no run folder: it has no config.yaml" if path.is_dir() else "not there"
        raise ConfigError(f"run.extend is {given}, which is {what}; {ACCEPTED}")
    if folder.summary() is None:
        saved = f", or a checkpoint file of it: run.extend={folder.checkpoint}"
        raise ConfigError(
            f"run.extend is {given}, which is not finished; accepted: the command of this run, which goes on "
            f"with it{saved if folder.checkpoint.is_file() else ''}"
        )
    if not folder.checkpoint.is_file():
        raise ConfigError(f"run.extend is {given}, which has no checkpoints/last.ckpt; {ACCEPTED}")
    return Parent(given, folder.checkpoint, folder)


def parent_folder(config: dict[str, Any]) -> RunFolder | None:
    """The run folder of a config's parent; None if it has none, or if its checkpoint is in none."""
    given = config["run"].get("extend")
    if given is None:
        return None
    path = Path(given).expanduser()
    folder = RunFolder(path if path.is_dir() else path.parent.parent)
    return folder if folder.has_begun and (path.is_dir() or path.parent.name == "checkpoints") else None
