"""One progress bar for the whole run."""

import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from cl_lightning.callbacks.bars import Lines, redraws
from cl_lightning.callbacks.throughput import Throughput

ON_A_TERMINAL = "{desc} |{bar}| {n_fmt}/{total_fmt}, {remaining} left{postfix}"
ELSEWHERE = (
    "{desc} {percentage:3.0f}%, {n_fmt} of {total_fmt} steps, {elapsed} so far, {remaining} left{postfix}"
)


class RunProgress(ProgressBar):
    """Steps of the whole run, time left, loss, kNN accuracy and images per second.

    On a terminal one line is updated; in a file or a SLURM log a line is added from time to time. The time
    left is estimated from the mean speed since the start, including validation. The loss is that of the last
    micro-batch, and is read from the device only when it is shown.

    Args:
        refresh_seconds: the shortest time between two updates on a terminal.
        log_seconds: the shortest time between two lines in a file or log.
    """

    def __init__(self, refresh_seconds: float = 0.5, log_seconds: float = 20.0) -> None:
        super().__init__()
        self.refresh_seconds = refresh_seconds
        self.log_seconds = log_seconds
        self._enabled = True
        self._bar: tqdm | None = None
        self._loss = ""

    def disable(self) -> None:
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        terminal = redraws()
        self._bar = (tqdm if terminal else Lines)(
            total=int(trainer.estimated_stepping_batches),
            initial=trainer.global_step,
            desc=_epoch(trainer),
            disable=not self._enabled,
            mininterval=self.refresh_seconds if terminal else self.log_seconds,
            miniters=1,
            smoothing=0,
            dynamic_ncols=terminal,
            bar_format=ON_A_TERMINAL if terminal else ELSEWHERE,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        bar = self._bar
        if bar is None or bar.disable:
            return
        last = trainer.global_step >= bar.total
        if last or time.time() - bar.last_print_t >= bar.mininterval:
            if outputs:  # None if training_step skipped the batch
                self._loss = f"loss {float(outputs['loss']) * trainer.accumulate_grad_batches:.3f}"
            self._describe(trainer)
        bar.update(trainer.global_step - bar.n)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bar is not None:
            self._describe(trainer)  # with the last evaluation
            self._bar.refresh()
            self._bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._bar is not None:
            self._bar.close()

    def _describe(self, trainer: Trainer) -> None:
        assert self._bar is not None
        values = [self._loss] if self._loss else []
        if (knn := trainer.callback_metrics.get("val/knn_top1")) is not None:
            values.append(f"kNN {float(knn):.3f}")
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Throughput) and callback.images_per_second:
                values.append(f"{callback.images_per_second:,.0f} images/s")
        self._bar.set_description_str(_epoch(trainer), refresh=False)
        self._bar.set_postfix_str(", ".join(values), refresh=False)


def _epoch(trainer: Trainer) -> str:
    # After the last epoch Lightning counts one more.
    return f"epoch {min(trainer.current_epoch + 1, trainer.max_epochs or 1)}/{trainer.max_epochs}"
