"""Rows of unit length, and their cosine similarities in blocks of rows."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

# So many similarities are in memory at a time: 4 MiB.
BLOCK_ELEMENTS = 2**20


def lengths(z: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch 1"]:
    """The Euclidean length by which each row is divided: 1 for a row of zeros."""
    length = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return length.masked_fill(length == 0, 1)


def normalise(
    z: Float[Tensor, "*batch dim"], dtype: torch.dtype | None = None
) -> Float[Tensor, "*batch dim"]:
    """Each row divided by its Euclidean length, in `dtype`; None means its own dtype, at least float32.

    A row of zeros stays zero, so that its similarity to everything is 0. It is divided by 1, not by a tiny
    number, so that its gradient is finite in every dtype.
    """
    z = z.to(dtype or torch.promote_types(z.dtype, torch.float32))
    return z / lengths(z)


def on_sphere(z: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
    """The rows normalised for a metric: in float32, without gradient."""
    return normalise(z.detach(), torch.float32)


def similarity_blocks(
    x: Float[Tensor, "*steps n dim"], y: Float[Tensor, "*steps m dim"]
) -> Iterator[tuple[int, Float[Tensor, "*steps rows m"]]]:
    """For each block of rows of x: the number of its first row, and x[rows] @ y.T, in at least float32."""
    rows = max(1, BLOCK_ELEMENTS // max(1, y.shape[:-1].numel()))
    for start in range(0, x.shape[-2], rows):
        with torch.autocast(x.device.type, enabled=False):
            block = x[..., start : start + rows, :] @ y.mT
        yield start, block
