"""All curves of a run."""

import csv
import math
from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure

Curve = tuple[list[int], list[float]]
COLUMNS = 4


def read_curves(metrics: Path) -> dict[str, Curve]:
    """Name to (steps, values) of every metric in a metrics.csv."""
    curves: dict[str, Curve] = defaultdict(lambda: ([], []))
    with metrics.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "epoch"):
                    curves[name][0].append(int(row["step"]))
                    curves[name][1].append(float(value))
    return dict(curves)


def plot_curves(metrics: Path) -> Figure:
    """One small plot for each quantity of a metrics.csv; training and validation share theirs."""
    quantities: dict[str, dict[str, Curve]] = defaultdict(dict)
    for name, curve in sorted(read_curves(metrics).items()):
        stage, quantity = name.split("/", 1)
        quantities[quantity][stage] = curve
    rows = math.ceil(len(quantities) / COLUMNS)
    picture = figure(3.2 * COLUMNS, 2.2 * rows)
    grid = picture.subplots(rows, COLUMNS, squeeze=False).ravel()
    colours = {"train": "tab:blue", "val": "tab:orange", "step": "lightsteelblue"}
    for axes, (quantity, stages) in zip(grid, quantities.items(), strict=False):
        for stage in sorted(stages, key=list(colours).index, reverse=True):
            steps, values = stages[stage]
            axes.plot(
                steps, values, color=colours[stage], label=stage, marker="." if len(steps) < 4 else None
            )
        axes.set_title(quantity.replace("_", " "), fontsize=10)
        axes.tick_params(labelsize=8)
        axes.set_xlabel("step", fontsize=8)
        if len(stages) > 1:
            axes.legend(fontsize=8, frameon=False)
    for axes in grid[len(quantities) :]:
        axes.set_axis_off()
    return picture
