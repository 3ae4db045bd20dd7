"""Restores the logged values when a run is resumed."""

import csv
import io
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger

KEY = "logged"  # the key in a checkpoint


class MetricsHistory(Callback):
    """Lets a resumed run continue metrics.csv, and restores the last value of each metric.

    A `CSVLogger` deletes an existing metrics.csv when it opens it. With this callback a checkpoint holds the
    content of the file, and a resumed run writes it again. Rows that were logged after the save are lost, as
    are the steps in them. `Trainer.callback_metrics` has the last values again.
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] = {}
        self._epoch_ended = False

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._epoch_ended = False

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_ended = True  # Lightning logs the epoch's row after the checkpoint at its end

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._epoch_ended = False

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[KEY] = {
            "latest": {name: float(value) for name, value in trainer.callback_metrics.items()},
            "row": _row_to_come(trainer) if self._epoch_ended else {},
            "step": trainer.global_step - 1,  # Lightning counts the steps of its rows from 0
            "files": [_text(logger) for logger in csv_loggers(trainer)],
        }

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._restored = checkpoint.get(KEY, {})

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        restored, self._restored, self._epoch_ended = self._restored, {}, False
        if not restored:
            return
        latest = {
            name: torch.tensor(value, dtype=torch.float64) for name, value in restored["latest"].items()
        }
        trainer.callback_metrics.update(latest)
        if not trainer.is_global_zero:
            return
        for file, text in zip(csv_loggers(trainer), restored["files"], strict=False):
            _write(file, text)
        for logger in trainer.loggers if restored["row"] else ():
            logger.log_metrics(restored["row"], step=restored["step"])
            logger.save()


def csv_loggers(trainer: Trainer) -> list[CSVLogger]:
    """The loggers that write metrics.csv; only the first process has the file."""
    return [x for x in trainer.loggers if isinstance(x, CSVLogger) and trainer.is_global_zero]


def _row_to_come(trainer: Trainer) -> dict[str, float]:
    logged = trainer.logged_metrics  # Lightning's own dict, to which reading adds new values
    earlier = dict(logged)
    logged.clear()
    row = {name: float(value) for name, value in trainer.logged_metrics.items()}
    logged.update({**earlier, **logged})
    return {**row, "epoch": trainer.current_epoch} if row else {}


def _text(logger: CSVLogger) -> str | None:
    logger.save()
    file = Path(logger.experiment.metrics_file_path)
    return file.read_bytes().decode() if file.is_file() else None


def _write(logger: CSVLogger, text: str | None) -> None:
    experiment = logger.experiment  # deletes the file
    if text is not None:
        Path(experiment.metrics_file_path).write_bytes(text.encode())
        experiment.metrics_keys = next(csv.reader(io.StringIO(text)), [])
