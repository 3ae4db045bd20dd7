"""What both losses do first: refuse a wrong temperature, then put embeddings on the unit sphere."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor


def check_temperature(temperature: float) -> None:
    """Raises ValueError unless the temperature is positive and finite."""
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(
            f"temperature is {temperature}; a finite number above 0 is accepted: set loss.temperature"
        )


def compute_dtype(*embeddings: Tensor) -> torch.dtype:
    """float32, or float64 where any of the embeddings is."""
    return functools.reduce(torch.promote_types, (z.dtype for z in embeddings), torch.float32)


def normalise(z: Float[Tensor, "batch dim"], dtype: torch.dtype) -> Float[Tensor, "batch dim"]:
    """Each row divided by its Euclidean length, in `dtype`.

    A row of zeros stays zero, so that its similarity to everything is 0. It is divided by 1 and not by a
    tiny number, which keeps its gradient finite in every dtype.
    """
    z = z.to(dtype)
    length = torch.linalg.vector_norm(z, dim=1, keepdim=True)
    return z / torch.where(length > 0, length, 1)
