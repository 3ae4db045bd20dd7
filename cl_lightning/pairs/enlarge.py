"""Windows that do not shrink, by a look-up of the four pixels around each new one."""

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F


def enlarge(
    images: UInt8[Tensor, "views channels height width"],
    top: Int64[Tensor, " views"],
    left: Int64[Tensor, " views"],
    heights: Int64[Tensor, " views"],
    widths: Int64[Tensor, " views"],
    size: int,
    flipped: Bool[Tensor, " views"] | None,
) -> Float32[Tensor, "views channels {size} {size}"]:
    """One window of each image, not larger than `size`, enlarged to it bilinearly and scaled to [0, 1]."""
    share = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    mirrored = share if flipped is None else torch.where(flipped[:, None], 1 - share, share)
    places = torch.empty(len(images), size, size, 2, dtype=torch.float32)
    places[..., 0] = _places(mirrored, left, widths, images.shape[3])[:, None, :]
    places[..., 1] = _places(share, top, heights, images.shape[2])[:, :, None]
    pixels = images.float().mul_(1 / 255)
    return F.grid_sample(pixels, places, mode="bilinear", padding_mode="border", align_corners=False)


def _places(
    share: Float32[Tensor, "*views size"],
    start: Int64[Tensor, " views"],
    length: Int64[Tensor, " views"],
    pixels: int,
) -> Float32[Tensor, "views size"]:
    """Where each new pixel lies along an axis of the image, whose borders are -1 and 1.

    It is never nearer to the window's border than half a pixel, so that only pixels of the window count.
    """
    lengths = length[:, None].float()
    inside = torch.minimum((share * lengths).clamp_min_(0.5), lengths - 0.5)
    return inside.add_(start[:, None]).mul_(2 / pixels).sub_(1)
