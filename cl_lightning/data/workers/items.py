"""Reads the images of a batch, and joins them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from cl_lightning.data.batch import Batch
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.readable import Read, ReadableImages

Transform = Callable[[Tensor, int, int], Tensor]


class Items:
    """Images of a data set, each after `transform(image, index, epoch)`."""

    def __init__(self, dataset: MapStyle, transform: Transform | None) -> None:
        self.dataset, self.transform = dataset, transform
        self.images = dataset if isinstance(dataset, ReadableImages) else ReadableImages(dataset, 0)

    def read(self, index: int, epoch: int) -> Read:
        """Image `index`, or the one that replaces it."""
        read = self.images.read(index)
        if self.transform is None:
            return read
        return read._replace(image=self.transform(read.image, read.index, epoch))


class Columns(NamedTuple):
    """The columns of a batch, and its broken files (path: what is wrong)."""

    images: tuple[Tensor, ...]
    index: tuple[int, ...]  # type: ignore[assignment]  # hides tuple.index
    labels: tuple[int, ...]
    broken: dict[str, str]


def columns(items: list[Read]) -> Columns:
    """The columns of these items. Raises ValueError when their images differ in size."""
    images, index, labels, broken = zip(*items, strict=True)
    shapes = {tuple(image.shape): number for image, number in zip(images, index, strict=True)}
    if len(shapes) > 1:
        found = ", ".join(f"{list(shape)} (image {number})" for shape, number in list(shapes.items())[:3])
        raise ValueError(
            f"images of one batch differ in [channels, height, width]: {found}; accepted: images of one "
            "size, or views that cut a crop (views=simclr or views=moco_v2), and one number of channels."
        )
    return Columns(images, index, labels, {path: why for part in broken for path, why in part.items()})


def collate(items: list[Read]) -> tuple[Batch, dict[str, str]]:
    """One Batch in the memory of this process, and its broken files."""
    images, index, labels, broken = columns(items)
    return Batch(torch.stack(images), torch.tensor(index), torch.tensor(labels)), broken
