"""Grey and colour images as the views take them."""

from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

LUMA = (19595, 38470, 7471)  # ITU-R 601-2 in 1 / 65,536, as PIL's mode L


def channels_of(views: Any) -> int | None:
    """How many channels the views take, by their mean; None where they don't say."""
    mean = getattr(views, "mean", None)
    return len(mean) if isinstance(mean, (tuple, list)) and len(mean) in (1, 3) else None


def in_channels(
    image: UInt8[Tensor, "given height width"], channels: int | None
) -> UInt8[Tensor, "wanted height width"]:
    """The image in grey or colour: 1 or 3 channels, None for those that it has."""
    if channels is None or len(image) == channels:
        return image
    if channels == 3:
        return image.expand(3, -1, -1)
    luma = torch.tensor(LUMA, dtype=torch.int32).view(3, 1, 1)
    return ((image.int() * luma).sum(0, keepdim=True, dtype=torch.int32) + 0x8000 >> 16).to(torch.uint8)
