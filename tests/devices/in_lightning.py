"""The device as an accelerator of Lightning, and callbacks of the runs on it."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.accelerators import Accelerator
from lightning.pytorch.callbacks import Checkpoint
from lightning_utilities.core.apply_func import apply_to_collection

from tests.devices.device import NAME, Device, DeviceTensor


class Toy(Accelerator):
    """Tells Lightning about the device."""

    def setup_device(self, device: torch.device) -> None:
        pass

    def teardown(self) -> None:
        pass

    def get_device_stats(self, device: Any) -> dict[str, Any]:
        return {}

    @staticmethod
    def parse_devices(devices: Any) -> Any:
        return devices

    @staticmethod
    def get_parallel_devices(devices: Any) -> list[torch.device]:
        return [torch.device(NAME, 0)]

    @staticmethod
    def auto_device_count() -> int:
        return 1

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def name() -> str:
        return NAME


class Phases(Callback):
    """Tells the device which part of a run asks it; the first callback, so that it tells the others' too."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def on_train_epoch_start(self, *_: Any) -> None:
        self.device.phase = "steps"

    def on_train_epoch_end(self, *_: Any) -> None:
        self.device.phase = "end of epoch"

    def on_validation_start(self, *_: Any) -> None:
        self.device.phase = "evaluation"

    def on_validation_end(self, *_: Any) -> None:
        self.device.phase = "end of epoch"

    def on_train_end(self, *_: Any) -> None:
        self.device.phase = "end"


class Saver(Checkpoint):
    """Saves after a step, within an epoch, what a run needs to go on."""

    def __init__(self, file: Path, step: int) -> None:
        self.file, self.step = file, step

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step == self.step:
            state = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
            torch.save(apply_to_collection(state, DeviceTensor, lambda x: x.inside), self.file)


class Careless(Callback):
    """A user's callback that reads the loss of each batch."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.last = outputs["loss"].item()
