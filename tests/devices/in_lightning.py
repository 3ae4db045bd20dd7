"""The device as an accelerator of Lightning, and callbacks of the runs on it."""

from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.accelerators import Accelerator

from tests.devices.device import NAME, Device


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


class Careless(Callback):
    """A user's callback that reads the loss of each batch."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.last = outputs["loss"].item()
