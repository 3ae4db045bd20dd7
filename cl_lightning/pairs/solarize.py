"""Solarisation: inverts bright pixels."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor


class Solarized(NamedTuple):
    """Whether each image is solarised."""

    solarized: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Solarize:
    """Solarises with a probability, with BYOL's threshold of 0.5 (arXiv 2006.07733, appendix B)."""

    probability: float
    stream: ClassVar[int] = 6
    draws: ClassVar[int] = 1

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Solarized:
        """Which images are solarised."""
        return Solarized(uniforms[:, 0] < self.probability)

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Solarized
    ) -> Float32[Tensor, "batch channels height width"]:
        """The batch with some images solarised."""
        return solarize(images, parameters.solarized)


def solarize(
    images: Float32[Tensor, "batch channels height width"],
    solarized: Bool[Tensor, " batch"],
    threshold: float = 0.5,
) -> Float32[Tensor, "batch channels height width"]:
    """1 - x for pixels x >= threshold in the `solarized` images, as torchvision's solarize."""
    return torch.where(solarized[:, None, None, None] & (images >= threshold), 1 - images, images)
