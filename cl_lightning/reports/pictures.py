"""The pictures of a report."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from cl_lightning.plots import plot_heat_map, plot_parallel, plot_setting, plot_sweep_curves
from cl_lightning.plots.canvas import as_png
from cl_lightning.reports.columns import Column, columns, is_number
from cl_lightning.reports.comparison import Comparison
from cl_lightning.reports.formatting import decimals, mean_text, value_text
from cl_lightning.reports.metrics import curve_of
from cl_lightning.reports.rows import Row
from cl_lightning.runs.metrics import low_is_better


def pictures(comparison: Comparison) -> dict[str, bytes]:
    """curves.png and parameters.png, each if there is something to draw."""
    drawn = {"curves.png": curves(comparison), "parameters.png": parameters(comparison)}
    return {name: as_png(picture) for name, picture in drawn.items() if picture is not None}


def curves(comparison: Comparison) -> Figure | None:
    """The loss and the compared metric (if that is the loss, the kNN accuracy), by epoch."""
    second = "knn_top1" if comparison.metric == "loss" else comparison.metric
    quantities = {
        name: [[curve_of(name, run) for run in row.runs] for row in comparison.rows]
        for name in ("loss", second)
    }
    seen = {name: rows for name, rows in quantities.items() if any(any(row) for row in rows)}
    if not seen:
        return None
    labels = [", ".join(comparison.labels(row)) for row in comparison.rows]
    values = [row.mean(comparison.metric) for row in comparison.rows]
    return plot_sweep_curves(seen, ", ".join(comparison.titles), labels, values, comparison.metric)


def parameters(comparison: Comparison) -> Figure | None:
    """The compared metric by the settings that differ: one as an axis, two as a heat map, more as lines."""
    metric = comparison.metric
    rows = [row for row in comparison.rows if math.isfinite(row.mean(metric))]
    settings = {
        column.title: [_plain(value, column) for value in column.values]
        for column in columns([row.keys for row in rows])  # only keys that differ between these rows
    }
    if not settings or len(rows) < 2:
        return None
    means = [row.mean(metric) for row in rows]
    if len(settings) == 1:
        ((name, values),) = settings.items()
        reached = [[run.numbers[metric] for run in row.runs if metric in run.numbers] for row in rows]
        return plot_setting(name, values, reached, metric)
    if len(settings) == 2 and _fills_cells(settings, len(rows)):
        x, y = sorted(settings.items(), key=lambda setting: -len(set(setting[1])))
        return plot_heat_map(x, y, means, _texts(rows, metric), metric)
    return plot_parallel(settings, means, metric, low_is_better=low_is_better(metric))


def _plain(value: Any, column: Column) -> Any:
    return value if is_number(value) else value_text(value, name=column.is_target)


def _texts(rows: Sequence[Row], metric: str) -> list[str]:
    found = [mean for mean in (row.over_seeds(metric) for row in rows) if mean]
    digits = decimals(mean.mean for mean in found)
    return [mean_text(mean.mean, mean.spread, digits).replace(" ±", "\n±") for mean in found]


def _fills_cells(settings: Mapping[str, list[object]], rows: int) -> bool:
    """Whether two settings form a grid (and not a random search)."""
    first, second = (len(set(values)) for values in settings.values())
    return 2 * rows >= first * second
