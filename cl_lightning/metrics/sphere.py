"""Cosine similarities in float32, a block of rows at a time."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Similarities that are held at a time: 4 MiB.
BLOCK_ELEMENTS = 2**20


def on_sphere(z: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
    """Each row divided by its length, in float32 and without gradient; a row of zeros stays zero."""
    return F.normalize(z.detach().float(), dim=1)


def similarity_blocks(
    x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]
) -> Iterator[tuple[int, Float[Tensor, "rows m"]]]:
    """Yields the first row and x[rows] @ y.T for each block of rows, never in less than float32."""
    rows = max(1, BLOCK_ELEMENTS // max(1, len(y)))
    for start in range(0, len(x), rows):
        with torch.autocast(x.device.type, enabled=False):
            block = x[start : start + rows] @ y.T
        yield start, block
