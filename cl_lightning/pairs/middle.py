"""The middle of an image, resized."""

import torch
from jaxtyping import Float32, Num
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

LONG = 8  # an image so many times as long as wide is cut before it is resized


def middle(images: Num[Tensor, "*batch height width"], size: int) -> Num[Tensor, "*batch {size} {size}"]:
    """The middle `size` x `size` of images, whose short side is resized to `size` (bilinear, antialiased).

    Long strips are cut before they are resized, with the same result up to rounding. Resized as a whole, a
    strip of 60,000 x 1 pixels would take 2 GB for each channel at size 224, twice.
    """
    height, width = images.shape[-2:]
    if max(height, width) < LONG * min(height, width):
        return tv.center_crop(tv.resize(images, [size], antialias=True), [size, size])
    short, long = min(height, width), max(height, width)
    resized = int(size * long / short)
    first = round((resized - size) / 2)
    start, along = weights(long, resized, first, size)
    _, across = weights(short, size, 0, size)
    strips = images if height > width else images.transpose(-1, -2)
    cut = strips[..., start : start + along.shape[1], :].float()
    crops = along.to(cut.device) @ cut @ across.to(cut.device).T
    if not images.is_floating_point():
        crops = crops.round().clamp(0, 255)
    return (crops if height > width else crops.transpose(-1, -2)).to(images.dtype)


def weights(pixels: int, resized: int, first: int, size: int) -> tuple[int, Float32[Tensor, "{size} window"]]:
    """The weights of old pixels in `size` new pixels, from number `first` of `resized` new pixels in total.

    They are triangles, as in `cl_lightning.pairs.crop.resize_weights`. Returns the number of the first old
    pixel that counts, and the weights from this pixel on; rows sum to 1.
    """
    scale = pixels / resized
    reach = max(scale, 1.0)
    centres = (torch.arange(first, first + size, dtype=torch.float64) + 0.5) * scale
    start = max(0, int(centres[0] - reach))
    stop = min(pixels, int(centres[-1] + reach) + 1)
    places = torch.arange(start, stop, dtype=torch.float64) + 0.5
    found = (1 - (places - centres[:, None]).abs() / reach).clamp(min=0)
    return start, (found / found.sum(dim=1, keepdim=True)).float()
