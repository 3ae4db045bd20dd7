"""Pixels to float, standardised by channel."""

import torch
from jaxtyping import Float32
from torch import Tensor

from cl_lightning.pairs.operation import on_cpu

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalize(
    images: Float32[Tensor, "batch channels height width"],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    out: Float32[Tensor, "batch channels height width"] | None = None,
) -> Float32[Tensor, "batch channels height width"]:
    """(x - mean) / std by channel, to `out` or in place; equals torchvision's normalize."""
    out = images if out is None else out
    if on_cpu(images):
        means, stds = (images.new_tensor(values).view(-1, 1, 1) for values in (mean, std))
        return torch.sub(images, means, out=out).div_(stds)
    for channel, m, s in zip(out.copy_(images).unbind(1), mean, std, strict=True):
        channel.sub_(m).div_(s)  # plain numbers, because a tensor would have to be copied to the device
    return out
