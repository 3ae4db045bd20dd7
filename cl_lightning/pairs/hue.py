"""Hue shift: a rotation of the colour circle, computed without a conversion to HSV and back."""

import torch
from jaxtyping import Float32
from torch import Tensor

SMALLEST_CHROMA = 1e-12


def shift_hue(
    images: Float32[Tensor, "batch 3 height width"], shift: Float32[Tensor, " batch"]
) -> Float32[Tensor, "batch 3 height width"]:
    """Colours turned by `shift` (in turns, -0.5 to 0.5), in place; HSV value and saturation stay.

    With M, m and C = M - m the largest channel of a pixel, the smallest and their difference:

        hue h = copysign(1 + (G + B - R - m) / C, G - B) / 6, in turns from red
        new channel = m + C clamp(2 - 6 d, 0, 1), d the distance of h + shift - o to the next whole number,
                      o the channel's own hue

    This is the usual computation through HSV without its cases. Equals torchvision's adjust_hue up to
    rounding.
    """
    red, green, blue = images.unbind(1)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    chroma = torch.maximum(torch.maximum(red, green), blue).sub_(lowest)
    sixths = (green + blue).sub_(red).sub_(lowest).div_(chroma.clamp_min(SMALLEST_CHROMA)).add_(1)
    turns = torch.add(shift[:, None, None], sixths.copysign_(green - blue), alpha=1 / 6)
    base = lowest.add_(chroma, alpha=2)
    chroma.mul_(-6)
    for channel, own in zip((red, green, blue), (0.0, 1 / 3, 2 / 3), strict=True):
        away = turns - own
        away.sub_(away.round()).abs_().clamp_(1 / 6, 1 / 3)
        channel.copy_(base).addcmul_(chroma, away)
    return images
