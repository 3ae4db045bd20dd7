"""From embeddings to their directions, and from gradients by directions back to gradients by embeddings."""

import torch
from torch import Tensor

from cl_lightning.metrics.sphere import lengths


def directions(embeddings: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The rows of embeddings with unit length, in `dtype`, and their lengths; a row of zeros stays zero."""
    embeddings = embeddings.to(dtype)
    length = lengths(embeddings)
    return embeddings / length, length


def by_embeddings(by_unit: Tensor, unit: Tensor, length: Tensor, divisor: float) -> Tensor:
    """The gradient by embeddings, of that by their directions, `unit`, divided by a number."""
    along = (by_unit * unit).sum(1, keepdim=True)
    return torch.addcmul(by_unit, along, unit, value=-1).div_(length * divisor)


def scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """A loss's gradient times the incoming gradient; RuntimeError for a second derivative."""
    if torch.is_grad_enabled():
        raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
    return gradient * upstream
