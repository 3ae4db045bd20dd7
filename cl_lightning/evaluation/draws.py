"""Which training images are labelled in a probe with few labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Percent:
    """A share of the images of each class."""

    percent: float

    def __str__(self) -> str:
        return f"{self.percent:g}%"


Amount = int | Percent


def amount(word: str | int) -> Amount:
    """`10`: so many images of each class; `10%`: that share of each class.

    Raises:
        ValueError: it is neither, or not above 0, or above 100 %.
    """
    text = str(word)
    found = Percent(float(text[:-1])) if text.endswith("%") else int(text)
    if not (0 < found.percent <= 100 if isinstance(found, Percent) else found > 0):
        raise ValueError(f"{text} is not above 0, or above 100 %")
    return found


def draw_labels(labels: np.ndarray, per_class: Amount, draws: int) -> list[np.ndarray]:
    """For each draw, the rows of the labelled images of each class; the same for every encoder.

    Draw i is a function of the labels and `numpy.random.default_rng(i)`. Of a share, each class has the
    nearest whole number of images, and at least one.

    Raises:
        ValueError: fewer than 1 label a class or 1 draw; a class with fewer images than requested.
    """
    if isinstance(per_class, int) and per_class < 1:
        raise ValueError(f"{per_class} labels a class are asked for; accepted: 1 or more with --labels")
    if draws < 1:
        raise ValueError(f"{draws} draws are asked for; accepted: 1 or more with --draws")
    classes, counts = np.unique(labels, return_counts=True)
    if isinstance(per_class, int) and counts.min() < per_class:
        raise ValueError(
            f"{per_class:,} labels a class are asked for, but class {classes[counts.argmin()]} has "
            f"{counts.min():,} training images; accepted: 1 to {counts.min():,} with --labels"
        )
    places = [np.flatnonzero(labels == c) for c in classes]
    wanted = [_number(per_class, count) for count in counts.tolist()]
    generators = [np.random.default_rng(draw) for draw in range(draws)]
    return [_drawn(generator, places, wanted) for generator in generators]


def _number(per_class: Amount, images: int) -> int:
    return per_class if isinstance(per_class, int) else max(1, round(per_class.percent / 100 * images))


def _drawn(generator: np.random.Generator, places: list[np.ndarray], wanted: Sequence[int]) -> np.ndarray:
    drawn = [generator.choice(p, n, replace=False) for p, n in zip(places, wanted, strict=True)]
    return np.concatenate(drawn)
