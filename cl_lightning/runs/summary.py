"""The results of a run, for scripts."""

from typing import Any

from lightning.pytorch import Trainer

from cl_lightning.callbacks import HealthMonitor, Throughput
from cl_lightning.methods.versions import versions

MEASURED = {
    "loss": "train/loss",
    "knn_top1": "val/knn_top1",
    "alignment": "val/alignment",
    "uniformity": "val/uniformity",
    "effective_rank": "val/effective_rank",
}


def summarise(config: dict[str, Any], trainer: Trainer) -> dict[str, Any]:
    """The content of summary.json; a value that was not measured is None."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    metrics = {key: trainer.callback_metrics.get(name) for key, name in MEASURED.items()}
    return {
        "method": config["method"]["name"],
        "dataset": config["data"]["name"],
        "encoder": config["encoder"]["name"],
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "seed": config["seed"],
        "world_size": trainer.world_size,
        "precision": trainer.precision,
        "global_batch_size": data.batch_size,
        "effective_batch_size": data.batch_size * trainer.accumulate_grad_batches,
        **{key: None if value is None else value.item() for key, value in metrics.items()},
        **_speed(trainer),
        "health": _health(trainer),
        "broken_files": data.broken_files,
        "versions": versions(),
    }


def _speed(trainer: Trainer) -> dict[str, float | None]:
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, Throughput):
            return {
                "views_per_second": 2 * callback.images_per_second,
                "seconds_per_epoch": callback.seconds_per_epoch,
                "data_wait": callback.data_wait,
                "peak_memory_mib": callback.peak_memory_mib(trainer.strategy.root_device),
            }
    return dict.fromkeys(("views_per_second", "seconds_per_epoch", "data_wait", "peak_memory_mib"))


def _health(trainer: Trainer) -> list[dict[str, Any]] | None:
    """The health problems and their epochs; empty if there were none; None if they were not monitored."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, HealthMonitor):
            return callback.messages
    return None
