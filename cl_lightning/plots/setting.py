"""The metric by one setting."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.formatting import short_text
from cl_lightning.plots.scale import Scale

COLOUR = "tab:blue"


def plot_setting(name: str, values: Sequence[Any], reached: Sequence[Sequence[float]], metric: str) -> Figure:
    """The metric for each value of a setting: seeds as dots, with their mean and standard deviation.

    Args:
        name: the name of the setting.
        values: the value of the setting in each row. Numbers that span a decade get a log axis.
        reached: for each row the values of `metric`, one for each seed.
        metric: the name of the metric.
    """
    scale = Scale(values)
    picture = figure(max(4.6, 0.7 * min(len(scale.distinct), 16) + 2), 3.6)
    axes = picture.subplots()
    rows = [(scale.place(v), list(filter(math.isfinite, n))) for v, n in zip(values, reached, strict=True)]
    means = sorted(_draw_seeds(axes, place, numbers) for place, numbers in rows if numbers)
    line = "-" if scale.is_numeric else ""  # a line between names would mean nothing
    axes.plot(*zip(*means, strict=True), line, marker="D", color=COLOUR, markersize=6)
    axes.set_xticks(*zip(*scale.ticks(), strict=True))
    axes.margins(x=0.1, y=0.15)
    axes.set_xlabel(short_text(name, 48) + (" (log)" if scale.is_log else ""), fontsize=9)
    axes.set_ylabel(metric, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(axis="y", color="0.92")
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def _draw_seeds(axes: Axes, place: float, numbers: Sequence[float]) -> tuple[float, float]:
    """Draw the seeds of one value; returns the position of their mean."""
    mean = sum(numbers) / len(numbers)
    axes.plot([place] * len(numbers), numbers, "o", color=COLOUR, alpha=0.35, markersize=4)
    if len(numbers) > 1:
        spread = math.sqrt(sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))
        axes.errorbar(place, mean, spread, color=COLOUR, capsize=4, linewidth=1.5)
    return place, mean
