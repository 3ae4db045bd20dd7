"""Both views of a batch in one forward, as in SimCLR."""

import warnings

import torch
from torch import Tensor

from cl_lightning.encoders import Encoder


def embedded(encoder: Encoder, view_a: Tensor, view_b: Tensor) -> Tensor:
    """The embeddings of both views [batch, ...]: [2 batch, dim], with the two of an image side by side.

    So each contiguous BatchNorm group holds complete pairs.
    """
    return encoder(torch.stack([view_a, view_b], dim=1).flatten(0, 1))


def apart(z: Tensor) -> tuple[Tensor, Tensor]:
    """Splits embeddings with pairs side by side, [2 batch, dim], into the two views [batch, dim]."""
    z_a, z_b = z.unflatten(0, (-1, 2)).unbind(dim=1)
    return z_a, z_b


def warn_of_no_shuffle(method: str, encoder: Encoder) -> None:
    """Warn if `batch_norm` is shuffle, for a method without a key batch."""
    if encoder.batch_norm == "shuffle":
        warnings.warn(
            f"encoder.batch_norm=shuffle has the effect of split in {method}: both views pass in one "
            "forward, so there is no key batch to permute",
            stacklevel=3,
        )
