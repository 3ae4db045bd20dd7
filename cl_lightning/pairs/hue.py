"""Hue shift: a turn of the colour circle, without planes of hue and saturation to convert back from."""

import torch
from jaxtyping import Float32
from torch import Tensor

SMALLEST_CHROMA = 1e-12


def shift_hue(
    images: Float32[Tensor, "batch 3 height width"], shift: Float32[Tensor, " batch"]
) -> Float32[Tensor, "batch 3 height width"]:
    """Colours turned by `shift` (in turns, -0.5 to 0.5), in place; HSV value and saturation stay.

    With M and m the largest and smallest channel of a pixel and h its hue in turns, a channel whose own hue
    is o becomes m + (M - m) clamp(6 |frac(h + shift - o) - 1/2| - 1, 0, 1). Equals torchvision's adjust_hue
    up to rounding.
    """
    red, green, blue = images.unbind(1)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    highest = torch.maximum(torch.maximum(red, green), blue)
    chroma = highest - lowest
    sixths = torch.where(
        highest == red,
        green - blue,
        torch.where(
            highest == green, (blue - red).add_(chroma, alpha=2), (red - green).add_(chroma, alpha=4)
        ),
    )
    turns = sixths.div_(chroma.clamp_min(SMALLEST_CHROMA).mul_(6))
    turns += shift[:, None, None] + 1  # plus one turn, so that nothing is negative
    for channel, own in zip((red, green, blue), (0.0, 1 / 3, 2 / 3), strict=True):
        share = (turns + (1 - own)).frac_().sub_(0.5).abs_().mul_(6).sub_(1).clamp_(0, 1)
        torch.addcmul(lowest, chroma, share, out=channel)
    return images
