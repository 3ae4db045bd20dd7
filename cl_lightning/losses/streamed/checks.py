"""Checks of what a loss is given."""

import math

from torch import Tensor

from cl_lightning.distributed import world_size


def check_positive(**given: float) -> None:
    """Raises ValueError unless an argument of a loss, such as its temperature, is positive and finite."""
    for name, value in given.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} is {value}; a finite number above 0 is accepted: set loss.{name}")


def check_pairs(a: Tensor, b: Tensor, names: str) -> None:
    """Raises ValueError unless the embeddings of anchors and positives are rows of one shape."""
    if a.shape != b.shape or a.ndim != 2 or len(a) == 0:
        raise ValueError(
            f"{names} have the shapes {tuple(a.shape)} and {tuple(b.shape)}; accepted: two of one shape "
            "[batch, dim] with at least one row: see data.batch_size"
        )


def check_negatives(negatives: Tensor, dim: int) -> None:
    """Raises ValueError unless the negatives are rows of `dim` numbers, at least one."""
    if negatives.ndim != 2 or len(negatives) == 0 or negatives.shape[1] != dim:
        raise ValueError(
            f"the negatives have the shape {tuple(negatives.shape)}; accepted: [length, {dim}] with at least "
            "one row: see callbacks.negative_queue.length"
        )


def check_two_images(z: Tensor) -> None:
    """Raises ValueError for a global batch in which an image has no negatives."""
    if len(z) * world_size() < 2:
        raise ValueError("one image has no negatives; accepted: at least two in a batch: see data.batch_size")
