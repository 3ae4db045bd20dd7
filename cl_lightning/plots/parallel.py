"""Parallel coordinates of many settings."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.colours import by_value
from cl_lightning.plots.formatting import short_text
from cl_lightning.plots.scale import Scale


def plot_parallel(
    settings: Mapping[str, Sequence[Any]], values: Sequence[float], metric: str, *, low_is_better: bool
) -> Figure:
    """Parallel coordinates: a vertical axis for each setting and for the metric, and a line for each row.

    Args:
        settings: for each name its value in each row. Numbers that span a decade get a log axis.
        values: the value of `metric` in each row; rows without a value (NaN) are left out.
        metric: the name of the metric.
        low_is_better: whether low values are better. The best row is drawn last, with the thickest line.
    """
    rows = [row for row, value in enumerate(values) if math.isfinite(value)]
    rows.sort(key=lambda row: -values[row] if low_is_better else values[row])
    columns = {name: [column[row] for row in rows] for name, column in settings.items()}
    columns[metric] = [values[row] for row in rows]
    scales = {name: Scale(column) for name, column in columns.items()}
    picture = figure(max(6.4, 1.7 * len(columns)), 4.2)
    axes = picture.subplots()
    for place, colour in enumerate(by_value(columns[metric])[0]):
        heights = [scales[name].place(column[place]) for name, column in columns.items()]
        best = place == len(rows) - 1
        axes.plot(*_smooth(heights), color=colour, linewidth=3.0 if best else 1.4, alpha=0.9)
    for place, (name, scale) in enumerate(scales.items()):
        axes.plot([place, place], [0, 1], color="0.4", linewidth=1)
        title = short_text(name) + (" (log)" if scale.is_log else "")
        axes.text(place, 1.07, title, ha="center", va="bottom", fontsize=9)
        for height, text in scale.ticks():
            axes.plot([place - 0.02, place], [height, height], color="0.4", linewidth=1)
            label = axes.text(place - 0.03, height, text, ha="right", va="center", fontsize=8)
            label.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8})
    axes.set_xlim(-0.45, len(columns) - 0.9)
    axes.set_ylim(-0.05, 1.13)
    axes.set_axis_off()
    return picture


def _smooth(heights: Sequence[float]) -> tuple[Any, Any]:
    """A smooth line through the heights, horizontal at each axis, so that lines can be followed."""
    along = np.linspace(0, 1, 30)
    ease = along * along * (3 - 2 * along)
    return (
        np.concatenate([place + along for place in range(len(heights) - 1)]),
        np.concatenate([start + (end - start) * ease for start, end in pairwise(heights)]),
    )
