"""A data set that is small enough for one uint8 tensor."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import Dataset


class TensorImages(Dataset[tuple[Tensor, int]]):
    """Images [images, channels, height, width] uint8 with labels [images] int64 (-1: no label), a name, and
    the names of the classes 0, 1, ... if they have any.

    Also an ordinary map-style Dataset of (image, label). `on(device)` stores the copy that it makes, so
    that training and evaluation share it.
    Raises ValueError when the images are not uint8 with four axes, or the labels do not match them.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor | None = None,
        name: str = "images",
        classes: Sequence[str] = (),
    ) -> None:
        if images.dtype != torch.uint8 or images.ndim != 4 or 0 in images.shape:
            raise ValueError(
                f"{name}: images are {images.dtype} {list(images.shape)}; accepted: uint8 "
                "[images, channels, height, width] with at least one image. Change the set "
                "behind data.train or data.val."
            )
        labels = torch.full((len(images),), -1) if labels is None else labels
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{name}: labels are {labels.dtype} {list(labels.shape)}; accepted: int64 [{len(images)}], "
                "one for each image. Change the set behind data.train or data.val."
            )
        self.images, self.labels, self.name, self.classes = images, labels, name, tuple(classes)
        self._copies: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[UInt8[Tensor, "channels height width"], int]:
        return self.images[index], int(self.labels[index])

    def on(
        self, device: torch.device
    ) -> tuple[UInt8[Tensor, "images channels height width"], Int64[Tensor, " images"]]:
        """Images and labels on `device`, moved at the first call."""
        if device not in self._copies:
            self._copies[device] = self.images.to(device), self.labels.to(device)
        return self._copies[device]

    def described(self) -> list[str]:
        """The lines about these images in the start report."""
        classes = self.labels.unique()
        number = int((classes != -1).sum())
        labels = f"{number:,} class{'es' if number > 1 else ''}" if number else "no labels"
        return [f"{self!r}, {labels}"]

    def __repr__(self) -> str:
        _, channels, height, width = self.images.shape
        return f"{self.name}: {len(self):,} images {channels}x{height}x{width}"


def check_limit(limit: int | None, images: int, name: str) -> None:
    """Raises ValueError for a `limit` that is not between 1 and the number of images."""
    if limit is not None and not 1 <= limit <= images:
        raise ValueError(
            f"limit={limit}; accepted: 1 to {images:,} images of {name}, or null for all "
            "(data.train.limit, data.val.limit)."
        )
