"""A heat map of two settings."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.formatting import short_text
from cl_lightning.plots.scale import Scale

Setting = tuple[str, Sequence[Any]]


def plot_heat_map(
    x: Setting, y: Setting, values: Sequence[float], texts: Sequence[str], metric: str
) -> Figure:
    """A cell for each pair of values, with the number in it.

    Args:
        x: name of a setting and its value in each row.
        y: the other setting.
        values: the value of `metric` in each row; NaN if there is none.
        texts: the values as text, for the cells.
        metric: the name of the metric.
    """
    across, up = Scale(x[1]), Scale(y[1])
    cells = np.full((len(up.distinct), len(across.distinct)), math.nan)
    for a, b, value in zip(x[1], y[1], values, strict=True):
        cells[up.index(b), across.index(a)] = value
    height, width = cells.shape
    picture = figure(min(max(4.6, 0.85 * width + 2.4), 24), min(max(3.0, 0.6 * height + 1.4), 16))
    axes = picture.subplots()
    drawn = axes.imshow(np.ma.masked_invalid(cells), aspect="auto", origin="lower", cmap="viridis")
    axes.set_facecolor("0.93")
    for a, b, value, text in zip(x[1], y[1], values, texts, strict=True):
        if math.isfinite(value):
            colour = _ink(drawn.to_rgba(np.array(value)))
            axes.text(across.index(a), up.index(b), text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(width), [short_text(v) for v in across.distinct], fontsize=8)
    axes.set_yticks(range(height), [short_text(v) for v in up.distinct], fontsize=8)
    axes.set_xlabel(short_text(x[0], 48), fontsize=9)
    axes.set_ylabel(short_text(y[0], 48), fontsize=9)
    axes.spines[:].set_visible(False)
    picture.colorbar(drawn, ax=axes, label=metric, pad=0.02)
    return picture


def _ink(paper: Any) -> str:
    """White on a dark colour, black on a bright one."""
    brightness = float(np.dot(paper[:3], (0.3, 0.6, 0.1)))
    return "white" if brightness < 0.5 else "black"
