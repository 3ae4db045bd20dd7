"""Random resized crop, antialiased."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32, Float64, Int64, UInt8
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.pairs.enlarge import enlarge
from cl_lightning.pairs.operation import between, on_cpu

TRIES = 10
# Multiplications for one window from which a CPU is faster one by one. Measured on one thread, in us, by
# products and one by one: 32 from 32 pixels (0.2 M) 14 and 46, 48 from 64 (1.0 M) 42 and 75, 64 from 64
# (1.6 M) 55 and 110, 32 from 160 (2.9 M) 175 and 120, 96 from 96 (5 M) 450 and 90, 224 from 256 (83 M) 1,950
# and 350.
WORTH_A_LOOP = 2_500_000
# The largest size of views that are looked up; beyond it places in the image lose precision. In us, looked up
# and by the faster of the others: 32 from 32 pixels 10 and 13, 64 from 64 35 and 53, 96 from 96 82 and 102.
WORTH_A_LOOKUP = 64


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
    flipped: Bool[Tensor, " views"] | None = None,
) -> Float32[Tensor, "views channels {size} {size}"]:
    """One or more windows of every image, resized to `size` and scaled to [0, 1], mirrored where `flipped`.

    `boxes` holds the first windows of all images, then their second windows, and so on; the result has the
    same order. Equals torchvision's resized_crop (bilinear, antialias) and then horizontal_flip, up to
    rounding; up to about 1e-3 if a GPU may use TF32 for float32 products.
    """
    if on_cpu(images) and max(images.shape[2:]) <= size <= WORTH_A_LOOKUP:
        return crop_by_lookup(images, boxes, size, flipped)
    loop = on_cpu(images) and multiplications(images, size) > WORTH_A_LOOP
    path = crop_one_by_one if loop else crop_by_products
    return path(images, boxes, size, flipped)


def multiplications(images: Tensor, size: int) -> int:
    """What `crop_by_products` does for one window."""
    _, channels, height, width = images.shape
    return channels * size * height * (width + size)


def crop_by_lookup(
    images: UInt8[Tensor, "batch channels height width"],
    boxes: Boxes,
    size: int,
    flipped: Bool[Tensor, " views"] | None,
) -> Float32[Tensor, "views channels {size} {size}"]:
    """All windows of images that are no larger than `size`, so that none shrinks."""
    times = len(boxes.top) // len(images)
    return enlarge(images if times == 1 else images.repeat(times, 1, 1, 1), *boxes, size, flipped)


def crop_one_by_one(
    images: UInt8[Tensor, "batch channels height width"],
    boxes: Boxes,
    size: int,
    flipped: Bool[Tensor, " views"] | None,
) -> Float32[Tensor, "views channels {size} {size}"]:
    """Each window read and resized by itself, which a CPU does several times faster if images are large."""
    mirrored = [False] * len(boxes.top) if flipped is None else flipped.tolist()
    crops = []
    for i, (top, left, height, width) in enumerate(torch.stack(boxes, dim=1).tolist()):
        window = images[i % len(images), :, top : top + height, left : left + width]
        window = (window.flip(-1) if mirrored[i] else window).float().mul_(1 / 255)
        shrinks = height > size or width > size  # else antialias makes no difference, and is slow
        # Channels as a batch take half the time.
        resized = F.interpolate(window[:, None], (size, size), mode="bilinear", antialias=shrinks)
        crops.append(resized.transpose(0, 1))
    return torch.cat(crops) if len(crops) > 1 else crops[0]


def crop_uint8(
    image: UInt8[Tensor, "channels height width"], boxes: Boxes, size: int
) -> UInt8[Tensor, "windows channels {size} {size}"]:
    """Windows of one image, resized to `size`; equals torchvision's resized_crop up to rounding."""
    crops = torch.empty(len(boxes.top), len(image), size, size, dtype=torch.uint8)
    for new, (top, left, height, width) in zip(crops, torch.stack(boxes, dim=1).tolist(), strict=True):
        # A contiguous window is resized in two thirds of the time.
        window = image[None, :, top : top + height, left : left + width].contiguous()
        new[:] = F.interpolate(window, (size, size), mode="bilinear", antialias=True)[0]
    return crops


def crop_by_products(
    images: UInt8[Tensor, "batch channels height width"],
    boxes: Boxes,
    size: int,
    flipped: Bool[Tensor, " views"] | None,
) -> Float32[Tensor, "views channels {size} {size}"]:
    """All windows by two matrix products for each image."""
    batch, channels, height, width = images.shape
    times = len(boxes.top) // batch
    rows = resize_weights(boxes.top, boxes.height, height, size) / 255
    columns = resize_weights(boxes.left, boxes.width, width, size, flipped)
    # The rows of an image's windows are side by side, so that one product reads each image once.
    rows = rows.view(times, batch, size, height).transpose(0, 1).reshape(batch, times * size, height)
    columns = columns.view(times, batch, size, width).transpose(0, 1).reshape(times * batch, size, width)
    pixels = images.transpose(1, 2).float().reshape(batch, height, channels * width)
    shrunk = torch.bmm(rows, pixels).view(times * batch, size * channels, width)
    crops = torch.bmm(shrunk, columns.transpose(1, 2)).view(batch, times, size, channels, size)
    return crops.permute(1, 0, 3, 2, 4).reshape(times * batch, channels, size, size)


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
