"""Affine warp: rotation, shift, scale and shear around the centre, for images other than photos."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float32, Float64
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.pairs.operation import between


class Warps(NamedTuple):
    """Matrices that map (x, y, 1) of a new pixel to its old position, in pixels from the centre."""

    matrix: Float32[Tensor, "batch 2 3"]


@dataclass(frozen=True)
class Affine:
    """Rotation and shear (both axes) in degrees, scale in a range, shift as a share of the side.

    All are uniform, as in torchvision's RandomAffine; shifts are whole pixels.
    """

    rotation: float
    shear: float
    scale: tuple[float, float]
    shift: float
    size: int
    stream: ClassVar[int] = 7
    draws: ClassVar[int] = 6

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Warps:
        """The matrices."""
        angle = between(uniforms[:, 0], -self.rotation, self.rotation)
        shear = between(uniforms[:, 1:3], -self.shear, self.shear)
        scale = between(uniforms[:, 3], *self.scale)
        most = self.shift * self.size
        return Warps(inverse_matrix(angle, between(uniforms[:, 4:6], -most, most).round(), scale, shear))

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Warps
    ) -> Float32[Tensor, "batch channels height width"]:
        """The warped batch."""
        return warp(images, parameters.matrix)


def inverse_matrix(
    angle: Float64[Tensor, " batch"],
    shift: Float64[Tensor, "batch 2"],
    scale: Float64[Tensor, " batch"],
    shear: Float64[Tensor, "batch 2"],
) -> Float32[Tensor, "batch 2 3"]:
    """The inverse of: shear x, shear y, scale, turn clockwise, shift; in degrees and pixels, x before y.

    The forward matrix is scale R(angle) Y(shear y) X(shear x), with X = [[1, -tan], [0, 1]], Y its transpose.
    """
    turn, (across, down) = torch.deg2rad(angle), torch.tan(torch.deg2rad(shear)).unbind(1)
    cos, sin = torch.cos(turn), torch.sin(turn)
    # rows of R Y, then of R Y X, whose determinant is 1
    a, c = cos + sin * down, sin - cos * down
    b, d = -sin - a * across, cos - c * across
    inverse = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / scale[:, None, None]
    return torch.cat([inverse, -inverse @ shift[:, :, None]], dim=2).float()


def warp(
    images: Float32[Tensor, "batch channels height width"], matrix: Float32[Tensor, "batch 2 3"]
) -> Float32[Tensor, "batch channels height width"]:
    """Each image warped by its matrix (bilinear, black outside); equals torchvision's affine."""
    height, width = images.shape[2:]
    x = torch.arange(width, device=images.device, dtype=torch.float32) - (width - 1) / 2
    y = torch.arange(height, device=images.device, dtype=torch.float32) - (height - 1) / 2
    by_x, by_y, constant = matrix[..., None, None].unbind(2)
    places = by_x * x + by_y * y[:, None] + constant
    grid = torch.stack([places[:, 0] * (2 / width), places[:, 1] * (2 / height)], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
