"""The curves of many runs together."""

from collections.abc import Mapping, Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.colours import DISTINCT, Colour, by_value
from cl_lightning.plots.curves import TITLES
from cl_lightning.plots.formatting import short_text

EpochCurve = Mapping[int, float]  # epoch, from 1, to value
FEW = 20  # curves with fewer points get dots
LONGEST = 40  # characters in a line of the legend


def plot_sweep_curves(
    quantities: Mapping[str, Sequence[Sequence[EpochCurve]]],
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    metric: str,
) -> Figure:
    """A plot for each quantity, and a colour for each row of runs that differ only in the seed.

    Args:
        quantities: for each name the curves of each row, one for each seed. Seeds are thin lines; their mean
            is a thick line, up to the last epoch that all of them have.
        title: the title of the legend.
        labels: the labels of the rows, best first. For more than a dozen there is no legend, and the colour
            shows the value.
        values: the value of `metric` in each row; NaN if there is none (grey).
        metric: the name of the metric.
    """
    picture = figure(5.2 * len(quantities) + 1.4, 4.2)
    grid = picture.subplots(1, len(quantities), squeeze=False)[0]
    valued, scale = by_value(values)
    few = len(labels) <= len(DISTINCT)
    colours: Sequence[Colour] = DISTINCT if few else valued
    for axes, (quantity, rows) in zip(grid, quantities.items(), strict=True):
        for place in reversed(range(len(rows))):  # the first row on top
            _draw(axes, rows[place], colours[place], short_text(labels[place], LONGEST))
        _dress(axes, TITLES.get(quantity, quantity.replace("_", " ")))
    if few:
        handles, names = grid[0].get_legend_handles_labels()
        legend = picture.legend(
            handles[::-1],
            names[::-1],
            loc="outside right upper",
            title=fill(short_text(title, 3 * LONGEST), LONGEST),
        )
        legend.set_frame_on(False)
    else:
        picture.colorbar(scale, ax=list(grid), label=metric, pad=0.01)
    return picture


def _draw(axes: Axes, curves: Sequence[EpochCurve], colour: Colour, label: str) -> None:
    begun = [curve for curve in curves if curve]
    shared = sorted(set.intersection(*map(set, begun))) if begun else []
    mean = [sum(curve[epoch] for curve in begun) / len(begun) for epoch in shared]
    axes.plot(shared, mean, color=colour, label=label, linewidth=2, marker=_dot(shared), zorder=3)
    for curve in begun if len(begun) > 1 else ():
        epochs = sorted(curve)
        drawn = [curve[epoch] for epoch in epochs]
        axes.plot(epochs, drawn, color=colour, linewidth=0.8, alpha=0.5, marker=_dot(epochs), markersize=3)


def _dot(epochs: Sequence[int]) -> str | None:
    return "." if len(epochs) < FEW else None


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("epoch", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(color="0.92")
    axes.spines[["top", "right"]].set_visible(False)
