"""The nearest training images of some test images."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.plots.canvas import Margins, figure
from cl_lightning.plots.images import frame, grid, show

TITLE_WIDTH = 5.4  # inches
WITH_CLASSES = "a test image, then the nearest training images (green: same class, red: another)"
WITHOUT_CLASSES = "an image, then the nearest ones by cosine"


def plot_neighbours(
    queries: Sequence[Tensor], neighbours: Sequence[Sequence[Tensor]], same_class: Tensor | None = None
) -> Figure:
    """A row for each query and its neighbours, nearest first, as images [channels, height, width].

    A neighbour's frame is green if it has the query's class (`same_class` [queries, k]), else red; there are
    no frames without classes.
    """
    rows, columns = len(queries), max(map(len, neighbours))
    picture = figure(max(0.9 * (columns + 1) + 0.1, TITLE_WIDTH), 0.9 * rows + 0.4, Margins(top=0.35))
    axes = grid(picture, rows, columns + 1)
    for row in range(rows):
        show(axes, queries[row], 0, row)
        for column, image in enumerate(neighbours[row], start=1):
            show(axes, image, column, row)
            if same_class is not None:
                frame(axes, "tab:green" if same_class[row, column - 1] else "tab:red", column, row)
    picture.suptitle(WITHOUT_CLASSES if same_class is None else WITH_CLASSES, x=0.01, ha="left", fontsize=9)
    return picture
