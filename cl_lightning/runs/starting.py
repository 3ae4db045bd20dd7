"""The message at the start of a run."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.checkpoints import Checkpoint
from cl_lightning.runs.extending import Extension
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.nearest import nearest
from cl_lightning.runs.same_run import may_be_moved


def started(
    folder: RunFolder, config: dict[str, Any], extension: Extension | None, longer: Sequence[str]
) -> str:
    """The message for a new run: its folder, the run that it goes on from, how it differs from the most
    similar run, and which existing run it may be if images were moved.

    Args:
        longer: lines on a run that differs only in its length, see `how_to_go_on`.
    """
    difference = None if longer else nearest(folder, config)
    own = [f"a run of its own: {difference}"] if difference else []
    from_where = [] if extension is None else [_goes_on(extension)]
    lines = [*from_where, *own, *longer, *may_be_moved(folder, config)]
    return "\n  ".join([f"{folder.path}: {config['method']['name']} on {config['data']['name']}", *lines])


def _goes_on(extension: Extension) -> str:
    return (
        f"goes on from {extension.parent.given} after {extension.step:,} steps (epoch {extension.epoch:.4g})"
    )


def continued(folder: RunFolder, step: int) -> str:
    """The message for a run that was interrupted."""
    return f"{folder.path}: continues after {step:,} steps"


def steps_done(folder: RunFolder) -> int:
    """The number of optimizer steps in the last checkpoint.

    Raises:
        ConfigError: the checkpoint is broken; names a good one in the folder.
    """
    return int(Checkpoint(folder.checkpoint).content["global_step"])
