"""Conversion to grey."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from cl_lightning.pairs.operation import one_by_one

# Pixels of an image from which a CPU is faster one by one. Measured on one thread, in us for an image of
# which a fifth turn grey, together and one by one: 32 x 32 pixels 2.5 and 4.2, 64 x 64 7.8 and 7.6, 224 x 224
# 122 and 50.
WORTH_A_LOOP = 4_000
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
    red, green, blue = images.unbind(1)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


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
    # lerp is exact for weights 0 and 1, and on a CPU several times faster than torch.where.
    return images.lerp_(luma(images)[:, None], greyed[:, None, None, None].float())
