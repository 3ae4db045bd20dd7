"""Gaussian blur, with its own width for every image."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float32, Float64
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.pairs.operation import between, one_by_one

# Taps that change a float32 sum by no more than its rounding. And with numbers below 1e-38 a CPU computes a
# hundred times slower.
SMALLEST_TAP = 1e-7
# Pixels of an image from which a CPU is faster one by one. Measured on one thread, in us for an image of
# which half are blurred, together and one by one: 32 x 32 pixels 15 and 40, 64 x 64 65 and 80, 96 x 96 150
# and 140, 224 x 224 1,850 and 600.
WORTH_A_LOOP = 8_000


class Kernels(NamedTuple):
    """The taps of each image's kernel along one axis, summing to 1."""

    taps: Float32[Tensor, "batch taps"]


@dataclass(frozen=True)
class Blur:
    """Blurs an image with a probability; sigma (in pixels) is uniform in a range.

    As in SimCLR (arXiv 2002.05709, appendix A), the kernel width is 10 % of the image; here it is odd and at
    least 3.
    """

    probability: float
    sigma: tuple[float, float]
    taps: int
    stream: ClassVar[int] = 5
    draws: ClassVar[int] = 2

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Kernels:
        """The kernels; a single 1 for an image that is not blurred."""
        kernels = gaussian(between(uniforms[:, 1], *self.sigma), self.taps)
        places = torch.arange(self.taps, device=uniforms.device)
        blurred = uniforms[:, :1] < self.probability
        return Kernels(torch.where(blurred, kernels, (places == self.taps // 2).double()).float())

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Kernels
    ) -> Float32[Tensor, "batch channels height width"]:
        """The batch with some images blurred."""
        return blur(images, parameters.taps)


def kernel_width(size: int) -> int:
    """10 % of the image, as in SimCLR's code: 3 taps at 32 pixels, 23 at 224."""
    return max(3, size // 10 // 2 * 2 + 1)


def gaussian(sigma: Float64[Tensor, " batch"], taps: int) -> Float64[Tensor, "batch {taps}"]:
    """exp(-x^2 / 2 sigma^2) at whole pixels, divided by its sum; 0 where it is below SMALLEST_TAP."""
    offsets = torch.arange(taps, device=sigma.device) - taps // 2
    exponents = -((offsets / sigma[:, None]) ** 2) / 2
    return torch.softmax(exponents.masked_fill(exponents < math.log(SMALLEST_TAP), -math.inf), dim=1)


def blur(
    images: Float32[Tensor, "batch channels height width"], taps: Float32[Tensor, "batch taps"]
) -> Float32[Tensor, "batch channels height width"]:
    """Each image convolved with its kernel along both axes, mirrored at the borders, in place.

    Equals torchvision's gaussian_blur (padding by reflection).
    """
    path = blur_one_by_one if one_by_one(images, WORTH_A_LOOP) else blur_together
    return path(images, taps)


def blur_together(
    images: Float32[Tensor, "batch channels height width"], taps: Float32[Tensor, "batch taps"]
) -> Float32[Tensor, "batch channels height width"]:
    """The batch in one pass for each tap; an image that is not blurred has a single 1 among zeros."""
    radius = taps.shape[1] // 2
    weights = taps[:, :, None, None, None].unbind(1)
    height, width = images.shape[2:]
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    rows = torch.zeros_like(padded[:, :, :height])
    for i, weight in enumerate(weights):
        rows.addcmul_(padded[:, :, i : i + height], weight)
    images.zero_()
    for i, weight in enumerate(weights):
        images.addcmul_(rows[..., i : i + width], weight)
    return images


def blur_one_by_one(
    images: Float32[Tensor, "batch channels height width"], taps: Float32[Tensor, "batch taps"]
) -> Float32[Tensor, "batch channels height width"]:
    """Only the images that are blurred, and only the taps above 0 of their kernels."""
    for image, kernel in zip(images.split(1), taps.tolist(), strict=True):
        kernel = [tap for tap in kernel if tap > 0]
        if len(kernel) > 1:
            convolve(image, kernel)
    return images


def convolve(images: Float32[Tensor, "batch channels height width"], taps: list[float]) -> None:
    """Images with one kernel, as in `blur_together`; plain numbers are faster for few images."""
    radius = len(taps) // 2
    height, width = images.shape[2:]
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    rows = padded[:, :, :height] * taps[0]
    for i, tap in enumerate(taps[1:], 1):
        rows.add_(padded[:, :, i : i + height], alpha=tap)
    images.copy_(rows[..., :width]).mul_(taps[0])
    for i, tap in enumerate(taps[1:], 1):
        images.add_(rows[..., i : i + width], alpha=tap)
