"""The axis of a setting, whose values may be numbers or not."""

import math
import re
from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import LogLocator, MaxNLocator

from cl_lightning.plots.formatting import short_text

MOST_TICKS = 8


class Scale:
    """Maps values to [0, 1]: numbers in proportion, or by their logarithm if they span a decade.

    If one value is not a number, all are placed evenly: numbers by size, then the others by their text.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self.is_numeric = all(map(_is_number, values))
        kept = {value if _is_number(value) else str(value) for value in values}
        self.distinct: list[Any] = sorted(kept, key=_order)
        self.is_log = self.is_numeric and self.distinct[0] > 0 and self.distinct[-1] >= 10 * self.distinct[0]

    def index(self, value: Any) -> int:
        """The place of a value among the distinct values."""
        return self.distinct.index(value if _is_number(value) else str(value))

    def place(self, value: Any) -> float:
        """The position of a value in [0, 1]; 0.5 if all values are equal."""
        if len(self.distinct) == 1:
            return 0.5
        low, high, at = 0.0, len(self.distinct) - 1.0, 0.0
        if self.is_numeric:
            low, high, at = (self._along(v) for v in (self.distinct[0], self.distinct[-1], value))
        else:
            at = self.index(value)
        return (at - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Positions and labels: all values if they are few or not numbers, else round numbers."""
        shown = self.distinct
        if self.is_numeric and len(shown) > MOST_TICKS:
            locator = LogLocator(subs=(1.0, 2.0, 5.0)) if self.is_log else MaxNLocator(5)
            places = locator.tick_values(shown[0], shown[-1])
            shown = [float(tick) for tick in places if shown[0] <= tick <= shown[-1]]
        return [(self.place(value), short_text(value)) for value in shown]

    def _along(self, value: float) -> float:
        return math.log(value) if self.is_log else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _order(value: Any) -> tuple[bool, Any]:
    """Sorting key: numbers come first; digits in text count as numbers (resnet18 before resnet101)."""
    if _is_number(value):
        return False, value
    return True, [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", value)]
