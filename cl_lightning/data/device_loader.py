"""Batches of a data set that lies on the training device."""

from collections.abc import Iterator
from functools import partial

import torch

from cl_lightning.data.batch import Batch
from cl_lightning.data.order import Order
from cl_lightning.data.resumable import Resumable
from cl_lightning.data.sets.tensor_images import TensorImages


class DeviceLoader(Resumable):
    """Batches by indexing images on `device`: no workers and no copy from the host in a step.

    Lightning looks for `set_epoch` in `sampler`.
    """

    batch_sampler = None  # Lightning reads this attribute of any loader with a `sampler`

    def __init__(self, images: TensorImages, order: Order, device: torch.device) -> None:
        self.images, self.sampler, self.device = images, order, device

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        images, labels = self.images.on(self.device)
        for index in self.counted(partial(self.sampler.batches, self.device)):
            yield Batch(images.index_select(0, index), index, labels.index_select(0, index))
