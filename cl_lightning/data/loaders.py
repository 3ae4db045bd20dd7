"""The loaders of one process: its part of each batch, on its device, cut for the views of its method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from cl_lightning.data.device_loader import DeviceLoader
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.order import EpochOrder, EvaluationOrder, Order
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.transforms import middle, training_crops
from cl_lightning.data.workers.worker_loader import OpenLoaders, Transform, WorkerLoader

Loader = DeviceLoader | WorkerLoader


@dataclass(frozen=True)
class Loaders:
    """Makes the loaders of a Trainer's process; without one, of the only process, on the CPU, without views.

    `report` is called with broken files. Loaders that may have workers are added to `opened`.
    """

    trainer: Any
    batch_size: int
    num_workers: int
    report: Callable[[Mapping[str, str]], None]
    opened: OpenLoaders

    def training(self, part: MapStyle, seed: int, max_batches: int) -> Loader:
        """Batches to train on, at most so many an epoch."""
        order = EpochOrder(len(part), self.batch_size, seed, *self._place, max_batches=max_batches)
        return self._loader(part, order, training_crops(self._views))

    def evaluation(self, part: MapStyle, order: Order | None = None) -> Loader:
        """Images as they are evaluated: those of `order`, or all once, in order."""
        if order is None:
            order = EvaluationOrder(len(part), self.batch_size, *self._place)
        return self._loader(part, order, middle(self._views))

    def _loader(self, part: MapStyle, order: Order, transform: Transform | None) -> Loader:
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        if isinstance(part, TensorImages):
            return DeviceLoader(part, order, device)
        on_gpu = device.type == "cuda"
        loader = WorkerLoader(part, order, self.num_workers, transform, on_gpu, self.report)
        self.opened.add(loader)
        return loader

    @property
    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    @property
    def _views(self) -> Any:
        return getattr(self.trainer.lightning_module, "views", None) if self.trainer else None
