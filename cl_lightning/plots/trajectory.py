"""Alignment against uniformity over the epochs (Wang and Isola, arXiv 2005.10242)."""

import csv
import math
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import Margins, figure
from cl_lightning.plots.curves import STAGES

Point = tuple[int, float, float]  # epoch from 1, alignment, uniformity
MARGINS = Margins(left=0.7, right=0.2, top=0.35, bottom=0.5)
SEPARATE = 40  # more epochs have no dot of their own


def read_trajectories(metrics: str | Path) -> dict[str, list[Point]]:
    """For training and validation ("train", "val") the epochs of a metrics.csv that have both values."""
    found: dict[str, list[Point]] = {stage: [] for stage in ("train", "val")}
    with Path(metrics).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for stage, points in found.items():
                values = [row.get(f"{stage}/{name}") for name in ("alignment", "uniformity")]
                if row.get("epoch") and all(values):
                    alignment, uniformity = (float(value or "nan") for value in values)
                    if math.isfinite(alignment) and math.isfinite(uniformity):
                        points.append((int(row["epoch"]) + 1, alignment, uniformity))
    return {stage: points for stage, points in found.items() if points}


def plot_trajectory(metrics: str | Path) -> Figure | None:
    """The way of alignment and uniformity in a metrics.csv; both are better the lower. None without values.

    A ring marks the first epoch, a square the last.
    """
    trajectories = read_trajectories(metrics)
    if not trajectories:
        return None
    picture = figure(5.6, 4.2, MARGINS)
    axes = picture.subplots()
    for stage, points in trajectories.items():
        _draw(axes, stage, points)
    axes.margins(0.16)
    axes.set_title("↙ lower left is better", fontsize=9, loc="left", color="0.35")
    axes.set_xlabel("alignment: distance of positives, squared (lower is better)", fontsize=9)
    axes.set_ylabel("uniformity: log (lower is spread more evenly)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    return picture


def _draw(axes: Axes, stage: str, points: list[Point]) -> None:
    name, colour = STAGES[stage]
    beside, side = ((-8, 6), "right") if stage == "train" else ((8, -12), "left")  # both can be read
    epochs, alignment, uniformity = zip(*points, strict=True)
    dots = "." if len(points) <= SEPARATE else None
    axes.plot(alignment, uniformity, color=colour, marker=dots, linewidth=1, alpha=0.8, label=name)
    for place, marker, filled in ((0, "o", "white"), (-1, "s", colour)):
        axes.plot(
            alignment[place],
            uniformity[place],
            marker,
            color=colour,
            markerfacecolor=filled,
            markersize=8,
            markeredgewidth=1.5,
            zorder=3,
        )
    for place in {0, len(points) - 1}:
        axes.annotate(
            f"epoch {epochs[place]}",
            (alignment[place], uniformity[place]),
            beside,
            textcoords="offset points",
            ha=side,
            fontsize=8,
            color=colour,
        )
