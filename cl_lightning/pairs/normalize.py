"""Pixels to float, standardised by channel."""

from jaxtyping import Float32
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalize(
    images: Float32[Tensor, "batch channels height width"], mean: tuple[float, ...], std: tuple[float, ...]
) -> Float32[Tensor, "batch channels height width"]:
    """(x - mean) / std by channel, in place; equals torchvision's normalize."""
    for channel, m, s in zip(images.unbind(1), mean, std, strict=True):
        channel.sub_(m).div_(s)  # plain numbers, because a tensor would have to be copied to the device
    return images
