"""What every augmentation of a recipe offers: how many numbers it draws, and how it uses them."""

from typing import Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Float32, Float64
from torch import Tensor


@runtime_checkable
class Operation(Protocol):
    """An augmentation of a whole batch, with parameters of its own for every image.

    `stream` is its own number in the counter of the random numbers, so that a recipe with more or fewer
    operations leaves the draws of the others as they are. Parameters are computed in float64 and rounded at
    the end, so that they are the same on every device and at every place in a batch.
    """

    stream: ClassVar[int]
    draws: ClassVar[int]

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Any:
        """Parameters, one a row, from uniform numbers in [0, 1)."""
        ...

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Any
    ) -> Float32[Tensor, "batch channels height width"]:
        """The batch, in [0, 1], under the given parameters; may work in place."""
        ...


def between(uniform: Float64[Tensor, "*shape"], low: float, high: float) -> Float64[Tensor, "*shape"]:
    """Uniform in [low, high) from uniform in [0, 1)."""
    return low + uniform * (high - low)
