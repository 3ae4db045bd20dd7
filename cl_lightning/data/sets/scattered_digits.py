"""Handwritten digits, each with its own position, size and slant on a dark canvas."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float64, UInt8
from torch import Tensor

from cl_lightning.data.sets.digits import TRAIN_IMAGES, all_digits
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.split import split_indices

SCALE = (0.45, 0.75)  # side of the 8 x 8 digit as a share of the canvas
ROTATION, SHEAR = 15.0, 10.0  # degrees, to both sides


def scattered_digits(split: str = "train", seed: int = 0, size: int = 24) -> TensorImages:
    """The digits of `digits`, each drawn once on a dark `size` x `size` canvas.

    A digit takes 0.45 to 0.75 of the canvas, is rotated by up to 15 and sheared by up to 10 degrees, and
    stands anywhere it fits (bilinear). All this depends only on `seed` and the digit, so the images are the
    same in every run. Raw pixels say little about the label. The split is that of `digits`.
    Raises ValueError for another split or a canvas under 16 pixels.
    """
    if size < 16:
        raise ValueError(f"size={size}; accepted: 16 pixels or more (data.train.size, data.val.size).")
    images, labels = all_digits()
    draws = torch.rand(len(images), 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    canvas = draw(images, linear_maps(draws[:, :3], size), draws[:, 3:], size)
    part = split_indices(split, len(images), TRAIN_IMAGES, seed)
    return TensorImages(canvas[part], labels[part], f"scattered_digits {split}")


def linear_maps(draws: Float64[Tensor, "digits 3"], size: int) -> Float64[Tensor, "digits 2 2"]:
    """Scale times rotation times shear, from digit pixels (x, y) to canvas pixels.

    Each map is made from three uniform random numbers.
    """
    scale = (SCALE[0] + (SCALE[1] - SCALE[0]) * draws[:, 0]) * size / 8
    angle, shear = ((2 * draws[:, 1:] - 1) * draws.new_tensor([ROTATION, SHEAR]) * math.pi / 180).unbind(1)
    cos, sin, tan = angle.cos(), angle.sin(), shear.tan()
    rows = [torch.stack([cos, cos * tan - sin], 1), torch.stack([sin, sin * tan + cos], 1)]
    return scale[:, None, None] * torch.stack(rows, 1)


def draw(
    images: UInt8[Tensor, "digits 1 8 8"],
    maps: Float64[Tensor, "digits 2 2"],
    place: Float64[Tensor, "digits 2"],
    size: int,
) -> UInt8[Tensor, "digits 1 size size"]:
    """Each digit through its map, at its `place`: 0..1 in x and y, within the room that its ink leaves."""
    low, high = ink_box(images, maps)
    centre = (size - high + low) * place - low  # where the middle of the 8 x 8 square goes
    inverse = torch.linalg.inv(maps)
    offset = inverse @ (size / 2 - centre)[:, :, None] / 4
    theta = torch.cat([inverse * size / 8, offset], 2)
    grid = F.affine_grid(theta, [len(images), 1, size, size], align_corners=False)
    drawn = F.grid_sample(images.double(), grid, align_corners=False)
    return drawn.round().to(torch.uint8)


def ink_box(
    images: UInt8[Tensor, "digits 1 8 8"], maps: Float64[Tensor, "digits 2 2"]
) -> tuple[Float64[Tensor, "digits 2"], Float64[Tensor, "digits 2"]]:
    """Lowest and highest (x, y) of a digit's ink, measured from its middle; all of it must be on the canvas.

    Bilinear interpolation fades a pixel to nothing at the centres of its neighbours. The last half canvas
    pixel may be outside, because values are taken at the centres of canvas pixels.
    """
    steps = torch.arange(8, dtype=torch.float64) - 3.5
    middles = torch.cartesian_prod(steps, steps).flip(1)  # (x, y) of each pixel, row by row
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * 2)
    points = (middles[:, None] + corners) @ maps.mT[:, None]  # digits x 64 x 4 x 2
    blank = (images.flatten(1) == 0)[:, :, None, None]
    low = points.masked_fill(blank, math.inf).amin((1, 2)) + 0.5
    return low, points.masked_fill(blank, -math.inf).amax((1, 2)) - 0.5
