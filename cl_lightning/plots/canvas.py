"""Figures that need no screen."""

import io
import warnings
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Margins(NamedTuple):
    """Room around the axes of a figure and between them, in inches."""

    left: float = 0.05
    right: float = 0.05
    top: float = 0.05
    bottom: float = 0.05
    between_columns: float = 0.0
    between_rows: float = 0.0


def figure(width: float, height: float, margins: Margins | None = None) -> Figure:
    """A figure (size in inches) that needs neither a screen nor pyplot's global state.

    Without `margins` matplotlib measures all text to find them, which takes as long as drawing it.
    """
    new = Figure(figsize=(width, height), layout=None if margins else "constrained")
    FigureCanvasAgg(new)
    if margins:
        right, top = 1 - margins.right / width, 1 - margins.top / height
        new.subplots_adjust(margins.left / width, margins.bottom / height, right, top)
    return new


def spaces(picture: Figure, margins: Margins, rows: int, columns: int) -> dict[str, float]:
    """The room between axes as `subplots` takes it, in widths and heights of these."""
    width, height = picture.get_size_inches() - [margins.left + margins.right, margins.top + margins.bottom]
    wide = (width - (columns - 1) * margins.between_columns) / columns
    high = (height - (rows - 1) * margins.between_rows) / rows
    return {"wspace": margins.between_columns / wide, "hspace": margins.between_rows / high}


def as_png(picture: Figure) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names in scripts that the font lacks
        picture.savefig(file, format="png", dpi=110)
    return file.getvalue()
