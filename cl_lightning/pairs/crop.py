"""Random resized crop, antialiased, computed by two matrix products for each image."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from torch import Tensor

from cl_lightning.pairs.operation import between

TRIES = 10


class Boxes(NamedTuple):
    """Windows of an image in whole pixels, one a row."""

    top: Int64[Tensor, " batch"]
    left: Int64[Tensor, " batch"]
    height: Int64[Tensor, " batch"]
    width: Int64[Tensor, " batch"]


@dataclass(frozen=True)
class Crop:
    """A window with a share `scale` of the area and an aspect ratio in `ratio` (width / height, log-uniform).

    SimCLR (arXiv 2002.05709, appendix A) calls it Inception's crop. As in torchvision's RandomResizedCrop,
    the first of ten tries that fits is taken, else the largest central window with an allowed ratio.
    """

    scale: tuple[float, float]
    ratio: tuple[float, float]
    stream: ClassVar[int] = 1
    draws: ClassVar[int] = 2 * TRIES + 2

    def draw(self, uniforms: Float64[Tensor, "batch draws"], height: int, width: int) -> Boxes:
        """Windows in images of `height` x `width` pixels."""
        area = between(uniforms[:, :TRIES], *self.scale) * (height * width)
        low, high = (math.log(ratio) for ratio in self.ratio)
        ratio = torch.exp(between(uniforms[:, TRIES : 2 * TRIES], low, high))
        widths, heights = torch.sqrt(area * ratio).round(), torch.sqrt(area / ratio).round()
        fits = (widths >= 1) & (widths <= width) & (heights >= 1) & (heights <= height)
        first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
        fitted = fits.any(dim=1)
        central_height, central_width = self._central(height, width)
        h = torch.where(fitted, heights.gather(1, first)[:, 0], central_height)
        w = torch.where(fitted, widths.gather(1, first)[:, 0], central_width)
        top = torch.where(fitted, uniforms[:, -2] * (height - h + 1), (height - h) / 2).floor()
        left = torch.where(fitted, uniforms[:, -1] * (width - w + 1), (width - w) / 2).floor()
        return Boxes(top.long(), left.long(), h.long(), w.long())

    def _central(self, height: int, width: int) -> tuple[int, int]:
        if width / height < self.ratio[0]:
            return round(width / self.ratio[0]), width
        if width / height > self.ratio[1]:
            return height, round(height * self.ratio[1])
        return height, width


def crop(
    images: UInt8[Tensor, "batch channels height width"],
    boxes: Boxes,
    size: int,
    flipped: Bool[Tensor, " twice"] | None = None,
) -> Float32[Tensor, "twice channels {size} {size}"]:
    """Two windows of every image, resized to `size` and scaled to [0, 1], mirrored where `flipped`.

    `boxes` holds the windows of the first view of each image, then those of the second view; the result has
    the same order. Equals torchvision's resized_crop (bilinear, antialias) and then horizontal_flip, up to
    rounding; up to about 1e-3 if a GPU may use TF32 for float32 products.
    """
    batch, channels, height, width = images.shape
    rows = resize_weights(boxes.top, boxes.height, height, size) / 255
    columns = resize_weights(boxes.left, boxes.width, width, size, flipped)
    # The rows of both views are side by side, so that one product reads each image once.
    rows = rows.view(2, batch, size, height).transpose(0, 1).reshape(batch, 2 * size, height)
    columns = columns.view(2, batch, size, width).transpose(0, 1).reshape(2 * batch, size, width)
    pixels = images.transpose(1, 2).float().reshape(batch, height, channels * width)
    shrunk = torch.bmm(rows, pixels).view(2 * batch, size * channels, width)
    crops = torch.bmm(shrunk, columns.transpose(1, 2)).view(batch, 2, size, channels, size)
    return crops.permute(1, 0, 3, 2, 4).reshape(2 * batch, channels, size, size)


def resize_weights(
    start: Int64[Tensor, " batch"],
    length: Int64[Tensor, " batch"],
    pixels: int,
    size: int,
    flipped: Bool[Tensor, " batch"] | None = None,
) -> Float32[Tensor, "batch {size} {pixels}"]:
    """The weight of each of `pixels` old pixels in each of `size` new pixels along an axis; rows sum to 1.

    The weights are a triangle around the centre of the new pixel, two old pixels wide, or two new pixels if
    the window shrinks. Only pixels of the window [start, start + length) count.
    """
    scale = length[:, None].float() / size
    new = torch.arange(size, device=start.device, dtype=torch.float32)[None]
    if flipped is not None:
        new = torch.where(flipped[:, None], size - 1 - new, new)
    slope = 1 / scale.clamp_min(1.0)
    centres = (new + 0.5) * scale * slope
    old = torch.arange(pixels, device=start.device)[None] - start[:, None]
    inside = (old >= 0) & (old < length[:, None])
    places = torch.where(inside, (old.float() + 0.5) * slope, torch.inf)
    weights = (places[:, None, :] - centres[:, :, None]).abs_().neg_().add_(1).clamp_(min=0)
    return weights.div_(weights.sum(dim=2, keepdim=True))
