"""What a protocol measures: a number, and how it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Int
from torch import Tensor


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
