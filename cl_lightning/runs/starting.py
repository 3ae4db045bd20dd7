"""What a run says as it starts."""

from typing import Any

from cl_lightning.checkpoints import Checkpoint
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.nearest import nearest
from cl_lightning.runs.same_run import lost_elsewhere


def started(folder: RunFolder, config: dict[str, Any]) -> str:
    """Of a new run: where it is, how it differs from the one most like it, and which one it may be moved."""
    difference = nearest(folder, config)
    own = [f"a run of its own: {difference}"] if difference else []
    lines = [*own, *lost_elsewhere(folder, config)]
    return "\n  ".join([f"{folder.path}: {config['method']['name']} on {config['data']['name']}", *lines])


def continued(folder: RunFolder, step: int) -> str:
    """Of a run that was interrupted."""
    return f"{folder.path}: continues after {step:,} steps"


def steps_done(folder: RunFolder) -> int:
    """Optimizer steps that the last checkpoint holds.

    Raises:
        ConfigError: a broken checkpoint, and which other one of the folder is good.
    """
    return int(Checkpoint(folder.checkpoint).content["global_step"])
