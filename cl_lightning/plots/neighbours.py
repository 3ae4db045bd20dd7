"""Which training images lie nearest to some test images."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.images import show


def plot_neighbours(
    queries: Sequence[Tensor], neighbours: Sequence[Sequence[Tensor]], same_class: Tensor
) -> Figure:
    """A row for each query and its neighbours, nearest first, as images [channels, height, width].

    A neighbour's frame is green where it shares the query's class (`same_class` [queries, k]), else red.
    """
    rows, columns = same_class.shape
    picture = figure(0.9 * (columns + 1), 0.9 * rows + 0.4)
    grid = picture.subplots(rows, columns + 1, squeeze=False)
    for row in range(rows):
        show(grid[row, 0], queries[row])
        for axes, image, same in zip(grid[row, 1:], neighbours[row], same_class[row], strict=True):
            show(axes, image)
            _frame(axes, "tab:green" if same else "tab:red")
    title = "a test image, then the nearest training images (green: same class, red: another)"
    picture.suptitle(title, x=0.01, ha="left", fontsize=9)
    return picture


def _frame(axes: Axes, colour: str) -> None:
    axes.set_axis_on()
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(edgecolor=colour, linewidth=2)
