"""Keeps the answer to SIGTERM that a command has."""

import signal
import threading

from lightning.pytorch import Callback, LightningModule, Trainer


class OwnSignals(Callback):
    """Puts back the handler that was there before the Trainer.

    Lightning's own handler for SIGTERM talks to the other processes. If the signal comes inside another
    exchange, such as that of BatchNorm, all of them wait for each other for ever.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._before = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._put_back()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._put_back()

    def _put_back(self) -> None:
        if threading.current_thread() is threading.main_thread():  # another one can't set it
            signal.signal(signal.SIGTERM, self._before)
