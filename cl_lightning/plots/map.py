"""A map of images: their features in the plane, coloured by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cl_lightning.plots.canvas import figure
from cl_lightning.plots.colours import NONE, SAFE
from cl_lightning.plots.formatting import short_text

MARKERS = ("o", "x")  # colours come again with another shape
MOST = len(SAFE) * len(MARKERS)  # classes that a reader can tell apart


def plot_map(
    points: np.ndarray,
    labels: Sequence[int] | np.ndarray | None = None,
    names: Mapping[int, str] | None = None,
    title: str = "",
) -> Figure:
    """A dot for each row of `points` [images, 2].

    Up to twelve classes have a colour and a shape. Of more, the eleven with the most images have, and all
    others are grey.

    Args:
        labels: the class of each point, any whole numbers; None draws all alike.
        names: the names of classes; the others are named by their number.
    """
    picture = figure(6.8, 5.2)
    axes = picture.subplots()
    _frame(axes, title)
    if labels is None:
        axes.scatter(points[:, 0], points[:, 1], s=9, alpha=0.6, color=SAFE[0], linewidths=0)
        return picture
    of = np.asarray(labels)
    shown, others = _told_apart(of)
    if others:
        rest = points[~np.isin(of, shown)]
        name = f"{others} other classes"
        axes.scatter(rest[:, 0], rest[:, 1], s=7, color=NONE, linewidths=0, label=name)
    for place, label in enumerate(shown):
        name = short_text((names or {}).get(label, label))
        _draw(axes, points[of == label], place, name)
    head = "class" if not others else f"the largest of {len(shown) + others} classes"
    look: dict[str, Any] = {"frameon": False, "fontsize": 8, "title_fontsize": 8, "markerscale": 1.7}
    picture.legend(loc="outside right upper", title=head, **look)
    return picture


def _told_apart(labels: np.ndarray) -> tuple[list[int], int]:
    """The classes that get a colour, by number, and how many do not."""
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) <= MOST:
        return classes.tolist(), 0
    largest = np.argsort(-counts, kind="stable")[: MOST - 1]
    return sorted(classes[largest].tolist()), len(classes) - len(largest)


def _draw(axes: Axes, points: np.ndarray, place: int, name: str) -> None:
    marker, colour = MARKERS[place // len(SAFE)], SAFE[place % len(SAFE)]
    look: dict[str, Any] = {"marker": marker, "color": colour, "linewidths": 0 if marker == "o" else 1}
    axes.scatter(points[:, 0], points[:, 1], s=12, alpha=0.8, label=name, **look)


def _frame(axes: Axes, title: Any) -> None:
    """Distances mean something only in proportion, so both axes have one scale and no numbers."""
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.8")
    if title:
        axes.set_title(title, fontsize=9, loc="left")
