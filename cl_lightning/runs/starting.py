"""What a run says as it starts."""

from typing import Any

from cl_lightning.checkpoints import Checkpoint
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.nearest import nearest


def started(folder: RunFolder, config: dict[str, Any]) -> str:
    """Of a new run: where it is, and how it differs from the one most like it."""
    difference = nearest(folder, config)
    own = f"\n  a run of its own: {difference}" if difference else ""
    return f"{folder.path}: {config['method']['name']} on {config['data']['name']}{own}"


def continued(folder: RunFolder, step: int) -> str:
    """Of a run that was interrupted."""
    return f"{folder.path}: continues after {step:,} steps"


def steps_done(folder: RunFolder) -> int:
    """Optimizer steps that the last checkpoint holds.

    Raises:
        ConfigError: a broken checkpoint, and which other one of the folder is good.
    """
    return int(Checkpoint(folder.checkpoint).content["global_step"])
