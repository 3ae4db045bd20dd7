"""Checks that a finished run had the warm-up that a command asks for."""

from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.folder import RunFolder


def check_warm_up(folder: RunFolder, config: dict[str, Any], summary: dict[str, Any]) -> None:
    """Refuse a warm-up that the user typed and that is too long, even if the run's folder is finished.

    The folder may be finished because a method's default warm-up is shortened, and then has the same folder.

    Raises:
        ConfigError: the warm-up is too long for the run.
    """
    wanted, trainer = config["schedule"], config["trainer"]
    if wanted.get("shorten"):
        return
    epochs = trainer["max_epochs"] if trainer.get("max_steps", -1) == -1 else summary["epochs"] + 1
    if wanted.get("warmup_epochs", 0) >= epochs and folder.config()["schedule"].get("shorten"):
        raise ConfigError(
            f"schedule.warmup_epochs is {wanted['warmup_epochs']}, but training has at most {epochs} epochs, "
            f"and {folder.path} is finished with a shorter warm-up; accepted: a schedule.warmup_epochs that "
            "fits, or a larger trainer.max_epochs"
        )
