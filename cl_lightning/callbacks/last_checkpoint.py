"""The checkpoint from which a run continues."""

import sys
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_warn

from cl_lightning.distributed import largest


class LastCheckpoint(Checkpoint):
    """Saves `dirpath`/last.ckpt; a fit that is resumed from it (`ckpt_path`) ends with the same bits.

    Saves at the end of training, and by epoch, step and time as requested. It saves only where a resumed run
    can continue exactly: after an optimizer step, or at the end of an epoch after its evaluation. A save that
    is due at the last step of an epoch, or before an evaluation, is made at the next such point. Nothing is
    saved after an error.

    Some checkpoints can be kept: `dirpath`/step-00002000.ckpt is what last.ckpt is after 2,000 steps. It is
    never written again and never removed. If it is made at a later point than the one asked for, its name has
    the step of that point, and a message says so.

    Args:
        dirpath: the folder; by default `checkpoints` below the Trainer's `default_root_dir`.
        every_n_epochs, every_n_steps, every_minutes: the interval between two saves; None for no saves of
            this kind. Steps are optimizer steps. Minutes are checked on all processes after each step.
        keep_every_n_epochs, keep_every_n_steps: the interval between two kept checkpoints; None for none.

    Raises:
        ValueError: a number is below 1, or the minutes are not above 0.
    """

    def __init__(
        self,
        dirpath: str | Path | None = None,
        every_n_epochs: int | None = 1,
        every_n_steps: int | None = None,
        every_minutes: float | None = None,
        keep_every_n_epochs: int | None = None,
        keep_every_n_steps: int | None = None,
    ) -> None:
        whole = {"every_n_epochs": every_n_epochs, "every_n_steps": every_n_steps}
        whole |= {"keep_every_n_epochs": keep_every_n_epochs, "keep_every_n_steps": keep_every_n_steps}
        for name, value in whole.items():
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
        self.keep_every_n_epochs, self.keep_every_n_steps = keep_every_n_epochs, keep_every_n_steps
        self._stops = self._stopped = False  # whether EarlyStopping asks to stop: now, and when restored

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop |= self._stopped and not getattr(pl_module, "extends", False)
        self._stopped = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_step, self._saved_at = trainer.global_step, time.monotonic()
        self._kept_step = trainer.global_step
        self._warn_of_nothing_kept("steps", self.keep_every_n_steps, trainer.estimated_stepping_batches)
        self._warn_of_nothing_kept("epochs", self.keep_every_n_epochs, trainer.max_epochs or -1)

    @staticmethod
    def _warn_of_nothing_kept(unit: str, every: int | None, length: float) -> None:
        if every is not None and 0 <= length < every:
            rank_zero_warn(
                f"callbacks.checkpoint.keep_every_n_{unit} is {every}, more than the {length} {unit} of the "
                "run, so no checkpoint is kept for it"
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not resumes_exactly_after(batch_idx, trainer):
            return
        if self._step_is_due(trainer) or self._is_to_keep(trainer) or self._time_is_due():
            self.save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        ended = trainer.current_epoch + 1
        epoch_is_due = self.every_n_epochs is not None and ended % self.every_n_epochs == 0
        step_is_due = self._step_is_due(trainer) or self._is_to_keep(trainer)
        if epoch_is_due or step_is_due or self._time_is_due():
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save(trainer)

    def save(self, trainer: Trainer) -> Path:
        """Save now, on all processes together, unless this step is saved already; also what is to be kept."""
        folder = self.dirpath or Path(trainer.default_root_dir) / "checkpoints"
        file = folder / "last.ckpt"
        if self._saved_step != trainer.global_step and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._stops = trainer.should_stop
            if self._is_to_keep(trainer):
                self._keep(trainer, folder / f"step-{trainer.global_step:08}.ckpt")
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

    def _is_to_keep(self, trainer: Trainer) -> bool:
        step, every, kept = trainer.global_step, self.keep_every_n_steps, self._kept_step
        if step == kept:
            return False
        epoch, epochs = trainer.fit_loop.epoch_progress.current, self.keep_every_n_epochs
        has_ended = epoch.processed == epoch.ready and trainer.is_last_batch  # type: ignore[attr-defined]
        by_epoch = epochs is not None and has_ended and epoch.processed % epochs == 0  # type: ignore[attr-defined]
        return by_epoch or (every is not None and step // every > kept // every)

    def _keep(self, trainer: Trainer, file: Path) -> None:
        """Save to `file`, unless it is there: if the run was ended just after, before last.ckpt was saved."""
        step, every, kept = trainer.global_step, self.keep_every_n_steps, self._kept_step
        self._kept_step = step
        if trainer.strategy.broadcast(file.exists()):  # all processes save, or none
            if not trainer.ckpt_path:
                rank_zero_warn(f"{file} is there already, and stays as it is: it may be another run's")
            return
        trainer.save_checkpoint(file)
        if every is not None and step // every > kept // every and step % every and trainer.is_global_zero:
            asked = f"callbacks.checkpoint.keep_every_n_steps={every}: step {step - step % every:,}"
            print(f"{asked} is kept as {file.name}, from which a run goes on exactly", file=sys.stderr)

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
