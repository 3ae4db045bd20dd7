"""Pictures that run folders and notebooks share."""

from cl_lightning.plots.curves import plot_curves
from cl_lightning.plots.neighbours import plot_neighbours
from cl_lightning.plots.pairs import plot_pairs
from cl_lightning.plots.spectrum import plot_spectrum

__all__ = ["plot_curves", "plot_neighbours", "plot_pairs", "plot_spectrum"]
