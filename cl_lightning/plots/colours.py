"""Colours that tell runs apart, or tell what they reached."""

import math
from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

Colour = str | tuple[float, ...]
# As many as a legend can be read with; matplotlib's ten and two more.
DISTINCT = (
    *("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:gray"),
    *("tab:olive", "tab:cyan", "black", "gold"),
)
NONE = "lightgray"


def by_value(values: Sequence[float]) -> tuple[list[Colour], ScalarMappable]:
    """From dark, the lowest, to bright, the highest, and their scale; NaN and infinity are grey."""
    finite = [value for value in values if math.isfinite(value)]
    scale = Normalize(min(finite, default=0.0), max(finite, default=1.0))
    colours = colormaps["viridis"]
    found: list[Colour] = [colours(scale(v)) if math.isfinite(v) else NONE for v in values]
    return found, ScalarMappable(scale, colours)
