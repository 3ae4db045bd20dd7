"""Pictures for run folders, reports and notebooks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cl_lightning.plots.confusion import plot_confusion
    from cl_lightning.plots.curves import plot_curves
    from cl_lightning.plots.feature_map import plot_features
    from cl_lightning.plots.heat_map import plot_heat_map
    from cl_lightning.plots.map import plot_map
    from cl_lightning.plots.neighbours import plot_neighbours
    from cl_lightning.plots.pairs import plot_pairs
    from cl_lightning.plots.parallel import plot_parallel
    from cl_lightning.plots.setting import plot_setting
    from cl_lightning.plots.spectrum import plot_spectrum
    from cl_lightning.plots.sweep_curves import plot_sweep_curves
    from cl_lightning.plots.trajectory import plot_trajectory

# Imported at first use: pictures of images need torch, but reports do not.
_HOMES = {
    "plot_confusion": "confusion",
    "plot_curves": "curves",
    "plot_features": "feature_map",
    "plot_heat_map": "heat_map",
    "plot_map": "map",
    "plot_neighbours": "neighbours",
    "plot_pairs": "pairs",
    "plot_parallel": "parallel",
    "plot_setting": "setting",
    "plot_spectrum": "spectrum",
    "plot_sweep_curves": "sweep_curves",
    "plot_trajectory": "trajectory",
}

__all__ = [
    "plot_confusion",
    "plot_curves",
    "plot_features",
    "plot_heat_map",
    "plot_map",
    "plot_neighbours",
    "plot_pairs",
    "plot_parallel",
    "plot_setting",
    "plot_spectrum",
    "plot_sweep_curves",
    "plot_trajectory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
