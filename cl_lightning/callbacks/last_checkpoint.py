"""The checkpoint from which a run continues."""

import time
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from cl_lightning.distributed import largest


class LastCheckpoint(Checkpoint):
    """Saves `dirpath`/last.ckpt; a fit that is resumed from it (`ckpt_path`) ends with the same bits.

    Saves at the end of training, and by epoch, step and time as requested. It saves only where a resumed run
    can continue exactly: after an optimizer step, or at the end of an epoch after its evaluation. A save that
    is due at the last step of an epoch, or before an evaluation, is made at the next such point. Nothing is
    saved after an error.

    Args:
        dirpath: the folder; by default `checkpoints` below the Trainer's `default_root_dir`.
        every_n_epochs, every_n_steps, every_minutes: the interval between two saves; None for no saves of
            this kind. Steps are optimizer steps. Minutes are checked on all processes after each step.

    Raises:
        ValueError: a number is below 1, or the minutes are not above 0.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        every_n_epochs: int | None = 1,
        every_n_steps: int | None = None,
        every_minutes: float | None = None,
    ) -> None:
        for name, value in {"every_n_epochs": every_n_epochs, "every_n_steps": every_n_steps}.items():
            if value is not None and value < 1:
                raise ValueError(
                    f"callbacks.checkpoint.{name} is {value}; accepted: a whole number from 1, null"
                )
        if every_minutes is not None and not every_minutes > 0:
            raise ValueError(
                f"callbacks.checkpoint.every_minutes is {every_minutes}; accepted: more than 0, or null"
            )
        self.dirpath = None if dirpath is None else Path(dirpath)
        self.every_n_epochs, self.every_n_steps = every_n_epochs, every_n_steps
        self.every_minutes = every_minutes
        self._stops = self._stopped = False  # whether EarlyStopping asks to stop: now, and when restored

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop |= self._stopped
        self._stopped = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if resumes_exactly_after(batch_idx, trainer) and (self._step_is_due(trainer) or self._time_is_due()):
            self.save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        ended = trainer.current_epoch + 1
        epoch_is_due = self.every_n_epochs is not None and ended % self.every_n_epochs == 0
        if epoch_is_due or self._step_is_due(trainer) or self._time_is_due():
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save(trainer)

    def save(self, trainer: Trainer) -> Path:
        """Save now, on all processes together, unless this step is saved already."""
        folder = self.dirpath or Path(trainer.default_root_dir) / "checkpoints"
        file = folder / "last.ckpt"
        if self._saved_step != trainer.global_step and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._stops = trainer.should_stop
            trainer.save_checkpoint(file)
            self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        return file

    def state_dict(self) -> dict[str, Any]:
        return {"stops": self._stops}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._stopped = state_dict["stops"]

    def _step_is_due(self, trainer: Trainer) -> bool:
        every = self.every_n_steps
        return every is not None and trainer.global_step // every > self._saved_step // every

    def _time_is_due(self) -> bool:
        if self.every_minutes is None:
            return False
        return bool(largest(int(time.monotonic() - self._saved_at >= 60 * self.every_minutes)))


def resumes_exactly_after(batch_idx: int, trainer: Trainer) -> bool:
    """Whether a run that is resumed from a checkpoint after this batch continues exactly.

    It does not inside an accumulation, because checkpoints hold no gradients. Nor does it before an
    evaluation or at the last batch of an epoch, because Lightning would skip what follows there.
    """
    every = trainer.val_check_batch
    before_evaluation = every is not None and (batch_idx + 1) % every == 0
    stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
    last = trainer.is_last_batch or trainer.global_step == trainer.max_steps
    return stepped and not (last or before_evaluation)
