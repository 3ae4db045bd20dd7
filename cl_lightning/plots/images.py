"""Images in a figure."""

from matplotlib.axes import Axes
from torch import Tensor


def show(axes: Axes, image: Tensor) -> None:
    """Draw an image [channels, height, width], uint8 or float in [0, 1], without a frame."""
    pixels = image.detach().cpu().movedim(0, -1)
    scaled = pixels.float() if pixels.is_floating_point() else pixels.float() / 255
    array = scaled.clamp(0, 1).numpy()
    axes.imshow(array[..., 0] if array.shape[-1] == 1 else array, cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()
