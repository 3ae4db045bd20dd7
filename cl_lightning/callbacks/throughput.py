"""Images a second, seconds an epoch, peak memory."""

import sys
import time
from importlib.util import find_spec
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

# What a checkpoint holds.
COUNTS = (
    *("images", "epochs", "seconds", "waited"),
    *("_epoch_images", "_epoch_batches", "_epoch_seconds", "_epoch_waited"),
)


class Throughput(Callback):
    """Measures training without validation; logs `train/images_per_second` and `train/data_wait` by epoch.

    Wall-clock from the end of one batch to the end of the next, loading included. A GPU is waited for at the
    last batch of an epoch only. `seconds_per_epoch` is the mean since the start; an epoch that ended early
    counts as its share of the batches.

    `data_wait` is the share of that time from the end of one batch to the start of the next, on this
    process: reading images (or waiting for the workers that do), collating them, copying them to the device,
    and what Lightning and later callbacks do in between. The first batch of an epoch counts, the start of
    its workers included. Views, which are made in the step, are no part of it. The clock is the host's: where
    a GPU lags behind, the host prepares the next batch meanwhile, and waits less in the step instead.

    A resumed run goes on counting, with what the first process had measured before.
    """

    def __init__(self) -> None:
        self._last = 0.0
        self._restored: dict[str, Any] = {}
        self._forget()

    def _forget(self) -> None:
        self.images, self.epochs, self.seconds, self.waited = 0, 0.0, 0.0, 0.0
        self._forget_epoch()

    def _forget_epoch(self) -> None:
        self._epoch_images, self._epoch_batches = 0, 0
        self._epoch_seconds = self._epoch_waited = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget()
        for name, value in self._restored.items():
            setattr(self, name, value)
        self._restored = {}
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last = time.perf_counter()  # of an epoch that goes on after a resume

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._forget_epoch()
        self._last = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._epoch_waited += time.perf_counter() - self._last

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.is_last_batch and pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        now = time.perf_counter()
        self._epoch_seconds += now - self._last
        self._epoch_images += len(batch.index) * trainer.world_size
        self._epoch_batches = batch_idx + 1
        self._last = now

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pace, wait = self._epoch_images / self._epoch_seconds, self._epoch_waited / self._epoch_seconds
        values = {"train/images_per_second": pace, "train/data_wait": wait}
        pl_module.log_dict(values, sync_dist=trainer.world_size > 1)
        self.images += self._epoch_images
        self.seconds += self._epoch_seconds
        self.waited += self._epoch_waited
        self.epochs += self._epoch_batches / trainer.num_training_batches
        self._forget_epoch()

    @property
    def images_per_second(self) -> float:
        """Images over all devices, since the start of training."""
        images, seconds = self.images + self._epoch_images, self.seconds + self._epoch_seconds
        return images / seconds if seconds else 0.0

    @property
    def data_wait(self) -> float:
        """Share of the time since the start that went from the end of one batch to the start of the next."""
        return self.waited / self.seconds if self.seconds else 0.0

    @property
    def seconds_per_epoch(self) -> float:
        return self.seconds / self.epochs if self.epochs else 0.0

    @staticmethod
    def peak_memory_mib(device: torch.device) -> float | None:
        """Largest memory of this process: the device's on CUDA, else resident memory, in MiB.

        None on Windows, where Python can't tell it.
        """
        if device.type == "cuda":
            return torch.cuda.max_memory_allocated(device) / 2**20
        if find_spec("resource") is None:
            return None
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on macOS, KiB elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in COUNTS}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._restored = state_dict
