"""Conversion to grey."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Bool, Float32, Float64
from torch import Tensor

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
    # lerp is exact for weights 0 and 1, and on a CPU several times faster than torch.where.
    return images.lerp_(luma(images)[:, None], greyed[:, None, None, None].float())
