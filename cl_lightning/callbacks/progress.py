"""One progress bar for the whole run."""

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from torch import Tensor
from tqdm import tqdm

from cl_lightning.callbacks.throughput import Throughput


class RunProgress(ProgressBar):
    """Steps of the whole run with time left, loss, kNN accuracy and images a second.

    On a terminal one line is redrawn; elsewhere (a file, a SLURM log) a line is written now and then.

    Args:
        refresh_seconds: least time between two lines on a terminal.
        log_seconds: least time between two lines elsewhere.
    """

    def __init__(self, refresh_seconds: float = 0.5, log_seconds: float = 20.0) -> None:
        super().__init__()
        self.refresh_seconds = refresh_seconds
        self.log_seconds = log_seconds
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            disable=not (self._enabled and trainer.is_global_zero),
            mininterval=self.refresh_seconds if terminal else self.log_seconds,
            miniters=1 if terminal else None,
            dynamic_ncols=True,
            unit="step",
            bar_format="{desc}: {percentage:3.0f}% |{bar:16}| {n_fmt}/{total_fmt} steps, {remaining} left{postfix}",
        )
        self._drawn = time.monotonic()
        self._interval = self.refresh_seconds if terminal else self.log_seconds
        self._end = "" if terminal else "\n"

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        last = trainer.global_step >= self._bar.total
        if self._bar.disable or not (last or time.monotonic() - self._drawn >= self._interval):
            return
        # The only place that reads the loss from the device, at most once per interval.
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
        self._draw(trainer, loss)

    def _draw(self, trainer: Trainer, loss: float) -> None:
        self._drawn = time.monotonic()
        values = {"loss": f"{loss:.3f}"}
        knn = trainer.callback_metrics.get("val/knn_top1")
        if isinstance(knn, Tensor):
            values["kNN"] = f"{knn.item():.3f}"
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Throughput):
                values["images/s"] = f"{callback.images_per_second:,.0f}"
        self._bar.set_description_str(
            f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False
        )
        self._bar.set_postfix(values, refresh=False)
        self._bar.n = trainer.global_step
        self._bar.refresh()
        self._bar.fp.write(self._end)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.close()
