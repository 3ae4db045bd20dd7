"""Images per second, seconds per epoch, peak memory."""

import sys
import time
from importlib.util import find_spec
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

# Attributes that are saved in a checkpoint.
COUNTS = (
    *("images", "epochs", "seconds", "waited"),
    *("_epoch_images", "_epoch_batches", "_epoch_seconds", "_epoch_waited"),
)


class Throughput(Callback):
    """Measures training without validation; logs `train/images_per_second` and `train/data_wait` by epoch.

    Time is wall-clock time from the end of one batch to the end of the next, including loading. The host
    waits for a GPU only at the last batch of an epoch. `seconds_per_epoch` is the mean since the start; an
    epoch that ended early counts by its share of batches.

    `data_wait` is the share of this time from the end of one batch to the start of the next, on this process:
    reading images (or waiting for workers), collating, copying to the device, and the work of Lightning and
    later callbacks in between. It includes the first batch of an epoch and the start of its workers. It does
    not include views, which are made in the step. The clock is the host's: while a GPU is still busy, the
    host already prepares the next batch, and waits less in the step.

    A resumed run continues counting from the values that the first process had saved.
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
        self._last = time.perf_counter()  # for an epoch that continues after a resume

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
        """Images per second over all devices, since the start of training."""
        images, seconds = self.images + self._epoch_images, self.seconds + self._epoch_seconds
        return images / seconds if seconds else 0.0

    @property
    def data_wait(self) -> float:
        """The share of time, since the start, between the end of one batch and the start of the next."""
        return self.waited / self.seconds if self.seconds else 0.0

    @property
    def seconds_per_epoch(self) -> float:
        return self.seconds / self.epochs if self.epochs else 0.0

    @staticmethod
    def peak_memory_mib(device: torch.device) -> float | None:
        """The peak memory of this process in MiB: memory of the device on CUDA, else resident memory.

        None on Windows, where Python can't measure it.
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
