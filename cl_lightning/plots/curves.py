"""All curves of a run."""

import csv
import math
from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cl_lightning.plots.canvas import Margins, figure, spaces

Curve = tuple[list[int], list[float]]
COLUMNS = 4
MARGINS = Margins(left=0.55, right=0.15, top=0.3, bottom=0.5, between_columns=0.6, between_rows=0.5)
# Titles in the order of the plots; other quantities follow by name.
TITLES = {
    "loss": "loss (nats)",
    "knn_top1": "kNN accuracy",
    "contrastive_top1": "contrastive top-1",
    "positive_similarity": "positive similarity (cosine)",
    "negative_similarity": "negative similarity (cosine)",
    "alignment": "alignment (squared distance)",
    "uniformity": "uniformity (log)",
    "embedding_std": "standard deviation (a coordinate)",
    "effective_rank": "effective rank (dimensions)",
    "directions_90": "directions that hold 90 %",
    "largest_share": "share of the largest direction",
    "queue_fill": "queue fill (share)",
    "queue_age": "age of a key, mean (steps)",
    "queue_age_max": "age of the oldest key (steps)",
    "queue_staleness": "staleness of the queue (1: none)",
    "key_drift": "drift of query from key (share)",
    "momentum": "momentum of the key encoder",
    "lr": "learning rate",
}
LEFT_OUT = ("images_per_second", "data_wait")  # they depend on the machine, not on the run
STAGES = {
    "step": ("one step", "lightsteelblue"),
    "train": ("training", "tab:blue"),
    "val": ("validation", "tab:orange"),
}


def read_curves(metrics: str | Path) -> dict[str, Curve]:
    """(steps, values) of every metric in a metrics.csv, by its name."""
    curves: dict[str, Curve] = defaultdict(lambda: ([], []))
    with Path(metrics).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "epoch"):
                    curves[name][0].append(int(row["step"]))
                    curves[name][1].append(float(value))
    return dict(curves)


def plot_curves(metrics: str | Path) -> Figure:
    """One small plot for each quantity in a metrics.csv: its curves by step for training and validation."""
    quantities: dict[str, dict[str, Curve]] = defaultdict(dict)
    for name, curve in sorted(read_curves(metrics).items()):
        stage, _, quantity = name.rpartition("/")
        quantities[quantity][stage] = curve
    order = [name for name in TITLES if name in quantities]
    order += [name for name in quantities if name not in TITLES and name not in LEFT_OUT]
    rows = math.ceil(len(order) / COLUMNS) or 1
    picture = figure(3.2 * COLUMNS, 2.2 * rows, MARGINS)
    between = spaces(picture, MARGINS, rows, COLUMNS)
    grid = picture.subplots(rows, COLUMNS, squeeze=False, sharex=True, gridspec_kw=between).ravel()
    for place, axes in enumerate(grid):
        if place >= len(order):
            axes.set_axis_off()
            continue
        _draw(axes, quantities[order[place]])
        axes.set_title(TITLES.get(order[place], order[place].replace("_", " ")), fontsize=10)
        if place + COLUMNS >= len(order):
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("optimizer step", fontsize=8)
    return picture


def _draw(axes: Axes, stages: dict[str, Curve]) -> None:
    known = [stage for stage in STAGES if stage in stages]
    for stage in [*known, *(stage for stage in stages if stage not in STAGES)]:
        label, colour = STAGES.get(stage, (stage, "tab:gray"))
        steps, values = stages[stage]
        axes.plot(steps, values, color=colour, label=label, marker="." if len(steps) < 20 else None)
    axes.tick_params(labelsize=8)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    if len(stages) > 1 or "val" in stages:
        axes.legend(fontsize=8, frameon=False)
