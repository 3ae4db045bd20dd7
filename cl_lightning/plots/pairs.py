"""The pairs that a model sees."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.images import show


def plot_pairs(images: Sequence[Tensor], view_a: Sequence[Tensor], view_b: Sequence[Tensor]) -> Figure:
    """A column for each image [channels, height, width]: itself, of any size, and its two views."""
    picture = figure(1.1 * len(images) + 0.2, 3.7)
    grid = picture.subplots(3, len(images), squeeze=False)
    for row, name, batch in zip(grid, ("image", "view a", "view b"), (images, view_a, view_b), strict=True):
        for axes, image in zip(row, batch, strict=True):
            show(axes, image)
        row[0].set_title(name, loc="left", fontsize=10)
    return picture
