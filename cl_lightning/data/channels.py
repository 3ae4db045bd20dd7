"""Conversion between grey and colour, as the views need it."""

from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

LUMA = (19595, 38470, 7471)  # ITU-R 601-2 weights in units of 1 / 65,536, as in PIL's mode L


def channels_of(views: Any) -> int | None:
    """How many channels the views take: the length of their mean. None if they have no such mean."""
    mean = getattr(views, "mean", None)
    return len(mean) if isinstance(mean, (tuple, list)) and len(mean) in (1, 3) else None


def in_channels(
    image: UInt8[Tensor, "channels_in height width"], channels: int | None
) -> UInt8[Tensor, "channels_out height width"]:
    """The image with 1 channel (grey) or 3 (colour); unchanged if `channels` is None."""
    if channels is None or len(image) == channels:
        return image
    if channels == 3:
        return image.expand(3, -1, -1)
    luma = torch.tensor(LUMA, dtype=torch.int32).view(3, 1, 1)
    return ((image.int() * luma).sum(0, keepdim=True, dtype=torch.int32) + 0x8000 >> 16).to(torch.uint8)
