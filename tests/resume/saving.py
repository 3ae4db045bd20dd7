"""Checkpoints where a run takes them: after a step, or at the end of an epoch, when all others are done."""

from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Checkpoint


class SaveAfter(Checkpoint):
    """Saves `folder`/STEP.ckpt after each of `steps`; at the end of the epoch where that is its last one."""

    def __init__(self, folder: Path, *steps: int) -> None:
        self.folder, self.steps = folder, steps

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if stepped and not trainer.is_last_batch:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._save(trainer)

    def _save(self, trainer: Any) -> None:
        if trainer.global_step in self.steps:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")
