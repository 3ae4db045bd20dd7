"""The pairs that a model sees."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.plots.canvas import Margins, figure
from cl_lightning.plots.images import grid, show

TITLE = 0.22  # height of a row's title, in sides of an image


def plot_pairs(images: Sequence[Tensor], view_a: Sequence[Tensor], view_b: Sequence[Tensor]) -> Figure:
    """A column for each image [channels, height, width]: the image, of any size, and its two views."""
    picture = figure(len(images) + 0.1, 3 * (1 + TITLE) + 0.1, Margins())
    axes = grid(picture, 3, len(images), room=TITLE)
    for row, (name, batch) in enumerate(
        zip(("image", "view a", "view b"), (images, view_a, view_b), strict=True)
    ):
        top = row * (1 + TITLE) + TITLE
        axes.text(0, top, name, fontsize=10, verticalalignment="bottom")
        for column, image in enumerate(batch):
            show(axes, image, column, top)
    return picture
