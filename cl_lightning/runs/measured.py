"""Checks that a run measures the metric by which it is compared."""

import warnings
from collections.abc import Mapping
from typing import Any

from cl_lightning.blueprints import ConfigError, refused
from cl_lightning.runs.metrics import METRICS

OF_VAL = ("knn_top1", "alignment", "uniformity", "effective_rank")
HEALTH = ("health", "HealthMonitor")
# The callback that measures each metric: its key in `callbacks=default`, and its class.
BY = {
    **dict.fromkeys(("loss", "alignment", "uniformity", "effective_rank"), HEALTH),
    "knn_top1": ("knn", "KNNMonitor"),
    **dict.fromkeys(
        ("views_per_second", "seconds_per_epoch", "peak_memory_mib"), ("throughput", "Throughput")
    ),
}
OURS = "cl_lightning."


class NotMeasuredError(ConfigError):
    """A config whose runs don't measure their `run.metric`."""


def check_measured(config: dict[str, Any]) -> None:
    """Check that a run measures its `run.metric`, as far as its config shows.

    Raises:
        NotMeasuredError: it does not; says why, and what to change.
    """
    metric = config["run"]["metric"]
    if lacks := _lacks(config, metric):
        _refuse(config, metric, *lacks)


def check_measured_of(config: dict[str, Any]) -> None:
    """Check the same with the images of the run, which must be on this machine.

    Raises:
        NotMeasuredError: as in `check_measured`.
        ConfigError: the images are missing or can't be read.
    """
    metric, trainer = config["run"]["metric"], config["trainer"]
    ends_early = trainer.get("max_steps", -1) != -1 and metric in OF_VAL
    if metric != "knn_top1" and not ends_early:
        return
    from cl_lightning.runs.assemble import assemble_data  # with torch

    with warnings.catch_warnings(), refused("data"):
        warnings.simplefilter("ignore")  # the run itself shows them
        data = assemble_data(config)
        has_labels = data.has_labels
    if metric == "knn_top1" and not has_labels:
        reason = "not every image of data.train (or data.bank) and data.val has a label"
        _refuse(config, metric, reason, "images that have one")
    if ends_early and not trainer.get("val_check_interval"):
        steps = _steps_per_epoch(len(data.train), config) * trainer["check_val_every_n_epoch"]
        if trainer["max_steps"] < steps:
            reason = f"trainer.max_steps is {trainer['max_steps']}, before the first evaluation"
            _refuse(config, metric, reason, f"{steps} or more")


def _lacks(config: dict[str, Any], metric: str) -> tuple[str, str] | None:
    """Why a config does not measure a metric, and what would; None if it does, or if the user's code may."""
    key, kind = BY[metric]
    targets = [str(c.get("_target_")) for c in config["callbacks"].values() if isinstance(c, Mapping)]
    own = [target for target in targets if not target.startswith((OURS, "lightning."))]
    if not own and not any(target.rpartition(".")[2] == kind for target in targets):
        return f"callbacks.{key}, which measures it, is null", "the one in callbacks=default"
    if metric not in OF_VAL:
        return None
    trainer = config["trainer"]
    if config["data"].get("val") is None:
        return "data.val, on which it is measured, is null", "a data.val"
    if trainer.get("limit_val_batches") == 0:
        return "trainer.limit_val_batches is 0", "null"
    every, epochs = trainer.get("check_val_every_n_epoch"), trainer.get("max_epochs")
    if isinstance(every, int) and isinstance(epochs, int) and every > epochs:
        return f"trainer.check_val_every_n_epoch is {every}, more than trainer.max_epochs", f"1 to {epochs}"
    return None


def _refuse(config: dict[str, Any], metric: str, reason: str, accepted: str) -> None:
    others = [m for m in METRICS if m not in (metric, "knn_top1") and _lacks(config, m) is None]
    instead = f", or another run.metric ({', '.join(others)})" if others else ""
    raise NotMeasuredError(f"run.metric is {metric}, but {reason}; accepted: {accepted}{instead}")


def _steps_per_epoch(images: int, config: dict[str, Any]) -> int:
    from cl_lightning.data.accumulation import usable_batches

    trainer = config["trainer"]
    limit, accumulated = trainer.get("limit_train_batches"), trainer["accumulate_grad_batches"]
    batches = images // config["data"]["batch_size"]
    return usable_batches(batches, 1.0 if limit is None else limit, accumulated) // accumulated
