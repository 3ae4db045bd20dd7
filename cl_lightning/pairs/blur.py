"""Gaussian blur, with its own width for every image."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float32, Float64
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.pairs.operation import between


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
    """exp(-x^2 / 2 sigma^2) at whole pixels, divided by its sum."""
    offsets = torch.arange(taps, device=sigma.device) - taps // 2
    return torch.softmax(-((offsets / sigma[:, None]) ** 2) / 2, dim=1)


def blur(
    images: Float32[Tensor, "batch channels height width"], taps: Float32[Tensor, "batch taps"]
) -> Float32[Tensor, "batch channels height width"]:
    """Each image convolved with its kernel along both axes, mirrored at the borders.

    Equals torchvision's gaussian_blur (padding by reflection).
    """
    radius = taps.shape[1] // 2
    weights = taps[:, :, None, None, None].unbind(1)
    height, width = images.shape[2:]
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    rows = padded[:, :, :height] * weights[0]
    for i, weight in enumerate(weights[1:], start=1):
        rows.addcmul_(padded[:, :, i : i + height], weight)
    blurred = rows[..., :width] * weights[0]
    for i, weight in enumerate(weights[1:], start=1):
        blurred.addcmul_(rows[..., i : i + width], weight)
    return blurred
