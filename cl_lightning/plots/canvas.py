"""Figures that need no screen."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def figure(width: float, height: float) -> Figure:
    """A figure (size in inches) that needs neither a screen nor pyplot's global state."""
    new = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(new)
    return new
