"""The interface of a recipe's augmentations: how many random numbers they draw, and what they do."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float32, Float64
from torch import Tensor


@runtime_checkable
class Operation(Protocol):
    """An augmentation of a whole batch, with separate parameters for every image.

    `stream` is its number in the counter of the random numbers. So adding or removing an operation does not
    change the random numbers of the others. Parameters are computed in float64 and rounded at the end, so
    that they are the same on every device and at every place in a batch.
    """

    stream: ClassVar[int]
    draws: ClassVar[int]

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Any:
        """The parameters for each row of uniform numbers in [0, 1), as a NamedTuple of tensors."""
        ...

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Any
    ) -> Float32[Tensor, "batch channels height width"]:
        """The augmented batch, in [0, 1]; may work in place."""
        ...


def between(uniform: Float64[Tensor, "*shape"], low: float, high: float) -> Float64[Tensor, "*shape"]:
    """Uniform in [low, high) from uniform in [0, 1)."""
    return low + uniform * (high - low)


def on_cpu(images: Tensor) -> bool:
    """Whether parameters can be looked at: a device would have to be waited for, a compiled graph be left."""
    return images.device.type == "cpu" and not torch.compiler.is_compiling()


def one_by_one(images: Tensor, pixels: int) -> bool:
    """Whether an operation goes image by image: on a CPU, for images of more than `pixels` pixels."""
    return on_cpu(images) and images.shape[-2] * images.shape[-1] > pixels
