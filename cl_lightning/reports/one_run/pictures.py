"""The pictures in plots/: how to read each, and in words what it shows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cl_lightning.reports.html import image, quiet, section, sentence
from cl_lightning.reports.one_run.content import Content

MAIN = {
    "train/loss": "loss",
    "val/knn_top1": "kNN accuracy",
    "train/contrastive_top1": "contrastive top-1 in training",
    "val/alignment": "alignment of validation views",
    "val/uniformity": "uniformity of validation views",
    "val/effective_rank": "effective rank of validation views",
}


class Picture(NamedTuple):
    """A file in plots/: its title, how to read it, what it shows, and what it needs."""

    title: str
    caption: str
    shows: Callable[[Content], str]
    needs: str


def _changes(run: Content, names: Mapping[str, str]) -> str:
    """The first and the last value of curves, as text."""
    told = []
    for name, words in names.items():
        if curve := run.curves.get(name):
            first, last = min(curve), max(curve)
            told.append(
                f"{words} {curve[first]:.4g} in epoch {first}"
                + (f" and {curve[last]:.4g} in epoch {last}" if last > first else "")
            )
    return "; ".join(told) or "no numbers are recorded"


def _knn(run: Content) -> str:
    knn = run.measured("knn_top1")
    return "" if knn is None else f" The kNN accuracy is {knn:.3f}."


def _both(quantities: Sequence[str]) -> dict[str, str]:
    """The curves of training and validation, with words for each."""
    return {f"{s}/{q}": f"{q.replace('_', ' ')} ({s})" for q in quantities for s in ("train", "val")}


LABELLED = "callbacks.knn, labels of all training and validation images"
NEW = "a run that ended by this version or a later one"
GEOMETRY = ("alignment", "uniformity")
SPECTRUM = ("effective_rank", "directions_90", "largest_share")
PICTURES = {
    "curves": Picture(
        "Curves",
        "Each quantity by optimizer step.",
        lambda run: f"Curves by optimizer step: {_changes(run, MAIN)}.",
        "metrics.csv (logger)",
    ),
    "pairs": Picture(
        "Pairs",
        "Some training images, and below each the two views that were its positive pair in the first epoch.",
        lambda run: "A row of training images, and below it two rows with their random views.",
        "a run that has ended well",
    ),
    "neighbours": Picture(
        "Neighbours",
        "A validation image in each row, then the nearest training images. Green: of the same class, red: of "
        "another.",
        lambda run: f"Rows of a validation image and its nearest training images.{_knn(run)}",
        LABELLED,
    ),
    "map": Picture(
        "Map",
        "Validation images in the plane of the two directions in which their features differ most. What lies "
        "far apart is told apart; what lies close together may still differ in other directions.",
        lambda run: f"A map of the features of validation images by PCA, coloured by class.{_knn(run)}",
        f"{LABELLED}, {NEW}",
    ),
    "alignment_uniformity": Picture(
        "Alignment and uniformity",
        "The way over the epochs. Lower left is better: views of one image close together (alignment), all "
        "images spread evenly (uniformity).",
        lambda run: f"The way over the epochs: {_changes(run, _both(GEOMETRY))}. Both are better the lower.",
        f"callbacks.health, {NEW}",
    ),
    "spectrum": Picture(
        "Spectrum",
        "Share of each direction of the embeddings, largest first. A flat line uses all directions, a steep "
        "one few; the dotted line is an even spread.",
        lambda run: f"Shares of the directions of the embeddings: {_changes(run, _both(SPECTRUM))}.",
        "callbacks.health",
    ),
}


def pictures(run: Content) -> Iterator[str]:
    """A section for each picture in plots/, or why it is missing."""
    for name, (title, caption, shows, needs) in PICTURES.items():
        if (png := run.pictures.get(name)) is None:
            yield section(title, sentence(f"this picture, plots/{name}.png, is missing; it needs: {needs}"))
        else:
            yield section(title, image(title, shows(run), png), quiet(caption))
