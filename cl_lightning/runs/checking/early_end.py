"""Checks of the settings that end a run before its last step."""

from collections.abc import Mapping
from typing import Any

from cl_lightning.blueprints import ConfigError, refused, shown
from cl_lightning.interruption import duration

STOPPING = (
    "'+callbacks.stop={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: train/loss, "
    "check_on_train_epoch_end: true}'"
)


def check_time_limit(config: dict[str, Any]) -> None:
    """Check that `trainer.max_time` is a time, and that the run can be saved when it is over.

    Raises:
        ConfigError: says which key.
    """
    limit = config["trainer"].get("max_time")
    if limit is None:
        return
    with refused("trainer"):
        duration(limit)
    for name in ("preemption", "checkpoint"):
        if config["callbacks"].get(name) is None or config["trainer"].get("enable_checkpointing") is False:
            raise ConfigError(
                f"trainer.max_time is {shown(limit)}, which saves and ends the run, but there is no "
                f"callbacks.{name}; accepted: callbacks.{name} as in callbacks=default and "
                "trainer.enable_checkpointing=null, or trainer.max_time=null"
            )


def check_least(config: dict[str, Any]) -> None:
    """Check that `trainer.min_epochs` and `trainer.min_steps` have an effect: something may end a run early.

    Raises:
        ConfigError: nothing ends it early; says what would.
    """
    targets = [
        str(node.get("_target_")) for node in config["callbacks"].values() if isinstance(node, Mapping)
    ]
    if not all(target.startswith("cl_lightning.callbacks.") for target in targets):
        return
    for name in ("min_epochs", "min_steps"):
        if config["trainer"].get(name) is not None:
            raise ConfigError(
                f"trainer.{name} is {shown(config['trainer'][name])}, but no callback ends this run early; "
                f"accepted: null, or a callback that does, such as {STOPPING}"
            )
