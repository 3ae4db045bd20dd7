"""Which classes are taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.formatting import short_text

WITH_NUMBERS = 12  # classes: more have no room for a number in each cell
WITH_NAMES = 40  # classes: more have no room for their names
WORST = 8  # pairs in words, if the cells have no numbers
CELLS = 250  # on a side; of more classes, a cell shows the largest share of several
DARK = 0.36  # share of a row; darker cells have white numbers


def plot_confusion(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """A row for each true class and a column for each answer; colours are shares of a row.

    Up to 12 classes have their share in each cell, up to 40 their names at the sides. With more than 12 the
    most frequent confusions are listed, and with more than 250 a cell shows the largest share of several. A
    class without images has a grey row.

    Args:
        counts: images of class `row` that were taken for class `column`, [classes, classes].
        names: the names of the classes.
    """
    counts = np.asarray(counts)
    classes = len(counts)
    if counts.shape != (classes, len(names)):
        raise ValueError(f"counts is {counts.shape}, names has {len(names)}; accepted: as many rows, columns")
    images = counts.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = counts / np.where(images == 0, np.nan, images)
    side = min(max(0.42 * classes + 1.2, 3.6), 7.0)
    picture, axes, beside = _axes(side, beside=classes > WITH_NUMBERS)
    scale = PowerNorm(0.5, 0, 1)  # so that a few in a hundred are seen
    cells = np.ma.masked_invalid(_largest(shares, -(-classes // CELLS)))
    edges = (-0.5, classes - 0.5, classes - 0.5, -0.5)
    drawn = axes.imshow(cells, cmap="Blues", norm=scale, extent=edges, interpolation="nearest")
    axes.set_facecolor("0.85")
    _sides(axes, names)
    if beside:
        _list(beside, confusions(counts)[:WORST], names)
    else:
        _numbers(axes, shares)
    bar = picture.colorbar(drawn, ax=axes, pad=0.02, shrink=0.8, ticks=(0, 0.01, 0.1, 0.25, 0.5, 1))
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return picture


def _axes(side: float, beside: bool) -> tuple[Figure, Axes, Axes | None]:
    """Axes with sides of so many inches, and others beside them for words."""
    picture = figure(side + (4.0 if beside else 1.4), side)
    if not beside:
        return picture, picture.subplots(), None
    cells, words = picture.subplots(1, 2, width_ratios=(side, 2.8))
    return picture, cells, words


def confusions(counts: np.ndarray) -> list[tuple[int, int, float]]:
    """True class, answer and share of the true class, of all that were confused, the largest share first."""
    counts = np.asarray(counts)
    wrong = counts - np.diag(np.diag(counts))
    rows, columns = np.nonzero(wrong)
    shares = wrong[rows, columns] / counts.sum(1)[rows]
    order = np.argsort(-shares, kind="stable")
    return [(int(rows[i]), int(columns[i]), float(shares[i])) for i in order]


def _largest(shares: np.ndarray, by: int) -> np.ndarray:
    """The largest share in each square of `by` rows and columns, so that no confusion is too small to see."""
    starts = np.arange(0, len(shares), by)
    return np.fmax.reduceat(np.fmax.reduceat(shares, starts, axis=0), starts, axis=1)


def _sides(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xlabel("taken for", fontsize=9)
    axes.set_ylabel("true class", fontsize=9)
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=8)
    if len(names) <= WITH_NAMES:
        texts = [short_text(name, 18) for name in names]
        axes.set_xticks(range(len(names)), texts, rotation=90)
        axes.set_yticks(range(len(names)), texts)


def _numbers(axes: Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share > 0:
            colour = "white" if share > DARK else "black"
            text = f"{share:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _list(axes: Axes, worst: Sequence[tuple[int, int, float]], names: Sequence[str]) -> None:
    lines = [
        f"{share:.0%} of {short_text(names[row], 28)}\n        as {short_text(names[column], 28)}"
        for row, column, share in worst
    ]
    axes.set_axis_off()
    told = "Taken most often for another class:" if lines else "No image was taken for another class."
    axes.text(0, 1, "\n".join([told, "", *lines]), transform=axes.transAxes, va="top", fontsize=8)
