"""A map of the features of images."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from cl_lightning.metrics.sphere import on_sphere
from cl_lightning.plots.map import plot_map
from cl_lightning.plots.plane import embed_in_plane, evenly_drawn
from cl_lightning.plots.ways import TITLES, Way


def plot_features(
    features: Tensor,
    labels: Tensor | None = None,
    names: Mapping[int, str] | None = None,
    way: Way = "pca",
    seed: int = 0,
) -> Figure:
    """At most 2,000 features [images, dim], evenly drawn, in the plane, coloured by class.

    They are scaled to unit length first, because neighbours are compared by cosine.

    Raises ValueError as `embed_in_plane` does.
    """
    drawn = evenly_drawn(len(features)).to(features.device)
    points = embed_in_plane(on_sphere(features[drawn]), way, seed)
    of = f" of {len(features):,}" if len(features) > len(drawn) else ""
    title = f"{TITLES[way]} of the features of {len(drawn):,}{of} images"
    return plot_map(points, None if labels is None else labels[drawn].cpu().numpy(), names, title)
