"""Formats values and numbers for readers."""

import json
import math
from collections.abc import Iterable
from typing import Any

from cl_lightning.files import printable

DIGITS = 4  # significant digits of numbers above 1; smaller numbers have 3 decimals


def value_text(value: Any, *, name: bool = False) -> str:
    """A config value in command-line form; of a dotted `name`, such as a class, only the last part."""
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return printable(text.rpartition(".")[2] if name else text)


def decimals(numbers: Iterable[float]) -> int:
    """The number of decimals for a column of numbers, so that the largest has four digits."""
    finite = [abs(number) for number in numbers if math.isfinite(number)]
    largest = max(finite, default=0.0)
    if all(number.is_integer() for number in map(float, finite)):
        return 0
    return max(0, DIGITS - 1 - max(0, math.floor(math.log10(largest)))) + (2 if largest < 0.01 else 0)


def mean_text(mean: float, spread: float | None, digits: int) -> str:
    """Mean ± spread; without spread if all are the same whole number, such as epochs."""
    is_shown = spread is not None and (digits or spread)
    return f"{mean:.{digits}f}" + (f" ± {spread:.{digits}f}" if is_shown else "")


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"
