"""Phrases of protocols."""

import torch
from jaxtyping import Int
from torch import Tensor

from cl_lightning.evaluation.draws import Amount, Percent


def measured_on(val: Int[Tensor, " val"], train: Int[Tensor, " train"]) -> str:
    """How many validation images there are, and how many of them show a class that no training image shows.

    Args:
        val, train: the labels of both.
    """
    unknown = int((~torch.isin(val, train)).sum())
    wrong = f", {unknown:,} of them of a class without training images, taken as wrong" if unknown else ""
    return f"{len(val):,} validation images{wrong}"


def labelled(amount: Amount) -> str:
    """How many images of each class have a label."""
    if isinstance(amount, Percent):
        return f"{amount.percent:g} % of the labels of each class"
    return f"{counted(amount, 'label')} a class"


def briefly(amount: Amount) -> str:
    """The same, for the head of a column."""
    return f"{amount} of labels" if isinstance(amount, Percent) else f"{amount} a class"


def counted(number: int, noun: str) -> str:
    """Such as 1 draw and 10 draws."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
