"""Figures without a screen, and images for them."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor


def figure(width: float, height: float) -> Figure:
    """A figure of inches that needs neither a screen nor pyplot's global state."""
    new = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(new)
    return new


def show(axes: Axes, image: Tensor) -> None:
    """Draw an image [channels, height, width], uint8 or float in [0, 1], without a frame."""
    pixels = image.detach().cpu().movedim(0, -1)
    scaled = pixels.float() if pixels.is_floating_point() else pixels.float() / 255
    array = scaled.clamp(0, 1).numpy()
    axes.imshow(array[..., 0] if array.shape[-1] == 1 else array, cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()
