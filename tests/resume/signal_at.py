"""Signals that a run sends to itself at a chosen moment."""

import os
import signal
from typing import Any

from lightning.pytorch import Callback


class SignalAt(Callback):
    """Sends `number` as optimizer step `step` (from 0) or the evaluation after it begins."""

    def __init__(self, number: signal.Signals, step: int, in_evaluation: bool = False) -> None:
        self.number, self.step, self.in_evaluation = number, step, in_evaluation

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if not self.in_evaluation and trainer.global_step == self.step:
            self._send()

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self.in_evaluation and trainer.global_step == self.step:
            self._send()

    def _send(self) -> None:
        self.step = -1  # once
        os.kill(os.getpid(), self.number)
