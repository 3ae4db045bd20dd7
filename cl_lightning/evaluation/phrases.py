"""Phrases of protocols."""

import torch
from jaxtyping import Int
from torch import Tensor


def measured_on(val: Int[Tensor, " val"], train: Int[Tensor, " train"]) -> str:
    """How many validation images there are, and how many of them show a class that no training image shows.

    Args:
        val, train: the labels of both.
    """
    unknown = int((~torch.isin(val, train)).sum())
    wrong = f", {unknown:,} of them of a class without training images, taken as wrong" if unknown else ""
    return f"{len(val):,} validation images{wrong}"
