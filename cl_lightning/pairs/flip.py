"""Horizontal flip."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from cl_lightning.pairs.operation import on_cpu


class Flipped(NamedTuple):
    """Whether each image is mirrored."""

    flipped: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Flip:
    """Mirrors left and right with a probability."""

    probability: float
    stream: ClassVar[int] = 2
    draws: ClassVar[int] = 1

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Flipped:
        """Which images are mirrored."""
        return Flipped(uniforms[:, 0] < self.probability)


def flip(
    images: Float32[Tensor, "batch channels height width"], flipped: Bool[Tensor, " batch"]
) -> Float32[Tensor, "batch channels height width"]:
    """The images mirrored left to right where `flipped`, in place."""
    if on_cpu(images):
        for i in flipped.nonzero()[:, 0].tolist():
            images[i] = images[i].flip(-1)
        return images
    return images.lerp_(images.flip(-1), flipped[:, None, None, None].float())
