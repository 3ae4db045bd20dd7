"""What a protocol measures: numbers, how they were made, and which classes were taken for which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

STRONGEST = 20  # so many classes are all printed; of more, the weakest
WEAKEST = 5


@dataclass(frozen=True)
class Result:
    """One column of a table.

    Args:
        title: its head.
        heading: what stands before its protocol below the table; results of one protocol have the same.
        values: `accuracy`, or `value` if the number is no accuracy; `std` and `draws` if it is a mean over
            several draws; whatever else belongs to it.
        protocol: how it was made, in phrases.
        predicted: the class that each validation image was taken for, in each draw; None without classes.
    """

    title: str
    heading: str
    values: Mapping[str, Any]
    protocol: Sequence[str]
    predicted: Int[Tensor, "draws images"] | None = None


def number(result: Mapping[str, Any]) -> float:
    """The number of a result in a file."""
    return float(result["accuracy"] if "accuracy" in result else result["value"])


def title(name: str, result: Mapping[str, Any]) -> str:
    """The head of a result's column; files of earlier versions have none."""
    return str(result.get("title", name))


def confusion(
    truth: Int[Tensor, " images"], predicted: Int[Tensor, "draws images"], classes: Int[Tensor, " classes"]
) -> Int[np.ndarray, "classes classes"]:
    """How many images of each class (rows) were taken for each class (columns), over all draws.

    Args:
        classes: the numbers of all classes, ascending.
    """
    size = len(classes)
    rows, columns = (
        torch.searchsorted(classes, x.contiguous()) for x in (truth.expand_as(predicted), predicted)
    )
    return torch.bincount((rows * size + columns).flatten(), minlength=size**2).view(size, size).numpy()


def accuracy_by_class(counts: Int[np.ndarray, "classes classes"], names: Sequence[str]) -> dict[str, float]:
    """The accuracy of each class that has validation images, by its name."""
    images = counts.sum(1)
    return {n: float(counts[i, i] / images[i]) for i, n in enumerate(names) if images[i]}


def weakest(by_class: Mapping[str, float]) -> dict[str, float]:
    """The classes to print: all if there are few, else the least accurate, beginning with the least."""
    if len(by_class) <= STRONGEST:
        return dict(by_class)
    return dict(sorted(by_class.items(), key=lambda item: item[1])[:WEAKEST])
