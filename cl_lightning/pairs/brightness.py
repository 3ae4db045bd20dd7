"""Random brightness, for images whose colours have no meaning."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Float32, Float64
from torch import Tensor

from cl_lightning.pairs.operation import between


class Brightnesses(NamedTuple):
    """The factor of each image."""

    factor: Float32[Tensor, " batch"]


@dataclass(frozen=True)
class Brightness:
    """A factor uniform in [max(0, 1 - strength), 1 + strength]."""

    strength: float
    stream: ClassVar[int] = 8
    draws: ClassVar[int] = 1

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Brightnesses:
        """The factors."""
        return Brightnesses(between(uniforms[:, 0], max(0.0, 1 - self.strength), 1 + self.strength).float())

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Brightnesses
    ) -> Float32[Tensor, "batch channels height width"]:
        """clamp(f x, 0, 1), in place; equals torchvision's adjust_brightness."""
        return images.mul_(parameters.factor[:, None, None, None]).clamp_(0, 1)
