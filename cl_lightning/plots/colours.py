"""Colours that distinguish runs and classes, or show values."""

import math
from collections.abc import Sequence

from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

Colour = str | tuple[float, ...]
# As many as a readable legend can have: matplotlib's ten and two more.
DISTINCT = (
    *("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown", "tab:pink", "tab:gray"),
    *("tab:olive", "tab:cyan", "black", "gold"),
)
# Okabe and Ito's colours without yellow, which is pale on white: also the colour-blind tell them apart.
SAFE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
NONE = "lightgray"


def by_value(values: Sequence[float]) -> tuple[list[Colour], ScalarMappable]:
    """A colour for each value, from dark (lowest) to bright (highest), and the scale. Not finite: grey."""
    finite = [value for value in values if math.isfinite(value)]
    scale = Normalize(min(finite, default=0.0), max(finite, default=1.0))
    colours = colormaps["viridis"]
    found: list[Colour] = [colours(scale(v)) if math.isfinite(v) else NONE for v in values]
    return found, ScalarMappable(scale, colours)
