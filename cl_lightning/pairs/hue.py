"""Hue shift: a rotation of the colour circle, computed without a conversion to HSV and back."""

import torch
from jaxtyping import Float32
from torch import Tensor

from cl_lightning.pairs.operation import on_cpu

SMALLEST_CHROMA = 1e-12


def shift_hue(
    images: Float32[Tensor, "batch 3 height width"], shift: Float32[Tensor, " batch"]
) -> Float32[Tensor, "batch 3 height width"]:
    """Colours turned by `shift` (in turns, -0.5 to 0.5), in place; HSV value and saturation stay.

    With M, m and C = M - m the largest channel of a pixel, the smallest and their difference:

        hue h = copysign(1 + (G + B - R - m) / C, G - B) / 6, in turns from red
        new channel = m + C clamp(2 - 6 d, 0, 1), d the distance of h + shift - o to the next whole number,
                      o the channel's own hue

    With t = h + shift in [0, 1), d is |t - o| for green and blue as far as the clamp sees it, and
    1/2 - |t - 1/2| for red. This is the usual computation through HSV without its cases. Equals torchvision's
    adjust_hue up to rounding.
    """
    red, green, blue = images.unbind(1)
    lowest = torch.minimum(torch.minimum(red, green), blue)
    chroma = torch.maximum(torch.maximum(red, green), blue).sub_(lowest).clamp_min_(SMALLEST_CHROMA)
    sixths = (green + blue).sub_(red).sub_(lowest).div_(chroma).add_(1).copysign_(green - blue)
    # h is in [-1/2, 1/2], so h + shift + 1 is in [0, 2].
    turns = torch.add((shift + 1)[:, None, None], sixths, alpha=1 / 6).frac_()
    value = torch.add(lowest, chroma, alpha=2)
    for channel, own in ((green, 1 / 3), (blue, 2 / 3)):
        _write(value, chroma, (turns - own).abs_().clamp_(1 / 6, 1 / 3), -6, channel)
    _write(lowest.sub_(chroma), chroma, turns.sub_(1 / 2).abs_().clamp_(1 / 6, 1 / 3), 6, red)
    return images


def _write(base: Tensor, chroma: Tensor, away: Tensor, times: int, channel: Tensor) -> None:
    """base + times chroma away, to a channel."""
    if on_cpu(channel):
        torch.addcmul(base, chroma, away, value=times, out=channel)
    else:  # torch.compile takes no `out` with gaps
        channel.copy_(base).addcmul_(chroma, away, value=times)
