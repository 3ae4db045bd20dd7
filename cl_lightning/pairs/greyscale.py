"""Conversion to grey."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from cl_lightning.pairs.operation import on_cpu, one_by_one

# Pixels of an image from which a CPU is faster one by one. Measured on one thread, in us for an image of
# which a fifth turn grey, together and one by one: 32 x 32 pixels 0.7 and 3.5, 64 x 64 2.3 and 3.8, 96 x 96
# 6.2 and 6.0.
WORTH_A_LOOP = 9_000
LUMA = (0.2989, 0.587, 0.114)


class Greyed(NamedTuple):
    """Whether each image becomes grey."""

    greyed: Bool[Tensor, " batch"]


@dataclass(frozen=True)
class Greyscale:
    """Turns images to grey with a probability; a grey image stays as it is."""

    probability: float
    stream: ClassVar[int] = 4
    draws: ClassVar[int] = 1

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Greyed:
        """Which images become grey."""
        return Greyed(uniforms[:, 0] < self.probability)

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Greyed
    ) -> Float32[Tensor, "batch channels height width"]:
        """The batch with some images grey."""
        return greyscale(images, parameters.greyed)


def luma(images: Float32[Tensor, "batch channels height width"]) -> Float32[Tensor, "batch height width"]:
    """Brightness as the eye sees it, with the weights of ITU-R BT.601; a grey image is returned unchanged."""
    if images.shape[1] == 1:
        return images[:, 0]
    grey, share = luma_by_red(images)
    return grey.mul_(share)


def luma_by_red(images: Float32[Tensor, "batch channels height width"]) -> tuple[Tensor, float]:
    """`luma` divided by the weight of red, which saves an operation, [batch, height, width]; the weight."""
    if images.shape[1] == 1:
        return images[:, 0], 1.0
    red, green, blue = images.unbind(1)
    return torch.add(red, green, alpha=LUMA[1] / LUMA[0]).add_(blue, alpha=LUMA[2] / LUMA[0]), LUMA[0]


def greyscale(
    images: Float32[Tensor, "batch channels height width"], greyed: Bool[Tensor, " batch"]
) -> Float32[Tensor, "batch channels height width"]:
    """Every channel of the `greyed` images replaced by `luma`, in place, as torchvision does."""
    if images.shape[1] == 1:
        return images
    if one_by_one(images, WORTH_A_LOOP):
        for i in greyed.nonzero()[:, 0].tolist():
            images[i] = luma(images[i, None])
        return images
    if on_cpu(images):
        rows = greyed.nonzero()[:, 0]
        grey = luma(images.index_select(0, rows))
        return images.index_copy_(0, rows, grey[:, None].expand(-1, 3, -1, -1))
    # lerp is exact for weights 0 and 1.
    return images.lerp_(luma(images)[:, None], greyed[:, None, None, None].float())
