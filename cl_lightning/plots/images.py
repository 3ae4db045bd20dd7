"""Images side by side in one system of axes, which is many times faster than axes for each image."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

MARGIN = 0.05  # on each side of a cell, as a share of the cell


def grid(picture: Figure, rows: int, columns: int, room: float = 0.0) -> Axes:
    """Axes with a cell of side 1 for each image, the first at the top left, and `room` above each row."""
    axes = picture.subplots()
    axes.set(xlim=(0, columns), ylim=(rows * (1 + room), 0), aspect="equal")
    axes.set_axis_off()
    return axes


def show(axes: Axes, image: Tensor, left: float, top: float) -> None:
    """Draw an image [channels, height, width], uint8 or float in [0, 1], into the cell at (left, top)."""
    pixels = image.detach().cpu().movedim(0, -1)
    scaled = pixels.float() if pixels.is_floating_point() else pixels.float() / 255
    array = scaled.clamp(0, 1).numpy()
    height, width = (side * (1 - 2 * MARGIN) / max(array.shape[:2]) / 2 for side in array.shape[:2])
    x, y = left + 0.5, top + 0.5
    axes.imshow(
        array[..., 0] if array.shape[-1] == 1 else array,
        cmap="gray",
        vmin=0,
        vmax=1,
        extent=(x - width, x + width, y + height, y - height),
    )


def frame(axes: Axes, colour: str, left: float, top: float) -> None:
    """Draw a frame around the cell at (left, top)."""
    side = 1 - MARGIN
    place = (left + MARGIN / 2, top + MARGIN / 2)
    axes.add_patch(Rectangle(place, side, side, fill=False, edgecolor=colour, linewidth=2))
