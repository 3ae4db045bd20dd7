"""Linear probe on frozen features, with all labels or a few of each class."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cl_lightning.evaluation.features import Features

REGULARISATION = 1.0  # scikit-learn's C: the weight of the data term relative to |w|^2 / 2
ITERATIONS = 1000


@dataclass(frozen=True)
class LinearResult:
    """Mean and standard deviation of the accuracy over `draws` of labelled images, and the protocol.

    `converged` counts the fits that converged before the limit of iterations.
    """

    accuracy: float
    std: float
    draws: int
    converged: int
    protocol: tuple[str, ...]


def linear_accuracy(
    train: Features, val: Features, labels_per_class: int | None = None, draws: int = 10
) -> LinearResult:
    """Accuracy on `val` of a logistic regression (L-BFGS, C = 1) on frozen features.

    Features are standardised with the statistics of all of `train`, which needs no labels. Draw i selects
    `labels_per_class` images of each class with `numpy.random.default_rng(i)`; None uses all images, once.

    Raises:
        ValueError: fewer than 1 label a class or 1 draw; a class with fewer images than requested.
    """
    y_train, y_val = train.labels.numpy(), val.labels.numpy()
    if labels_per_class is None:
        rows = [np.arange(len(y_train))]
    else:
        rows = draw_labels(y_train, labels_per_class, draws)
    scaler = StandardScaler().fit(train.features.double().numpy())
    x_train = scaler.transform(train.features.double().numpy())
    x_val = scaler.transform(val.features.double().numpy())

    scores, converged = [], 0
    for labelled in rows:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", ConvergenceWarning)
            probe = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS).fit(
                x_train[labelled], y_train[labelled]
            )
        converged += not any(issubclass(w.category, ConvergenceWarning) for w in told)
        scores.append(probe.score(x_val, y_val))
    protocol = _protocol(labels_per_class, len(y_train), len(rows), converged, len(y_val))
    return LinearResult(float(np.mean(scores)), float(np.std(scores)), len(rows), converged, protocol)


def draw_labels(labels: np.ndarray, per_class: int, draws: int) -> list[np.ndarray]:
    """For each draw, the rows of `per_class` images of each class; the same for every encoder."""
    if per_class < 1:
        raise ValueError(f"{per_class} labels a class are asked for; accepted: 1 or more with --labels")
    if draws < 1:
        raise ValueError(f"{draws} draws are asked for; accepted: 1 or more with --draws")
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < per_class:
        raise ValueError(
            f"{per_class:,} labels a class are asked for, but class {classes[counts.argmin()]} has "
            f"{counts.min():,} training images; accepted: 1 to {counts.min():,} with --labels"
        )
    generators = [np.random.default_rng(draw) for draw in range(draws)]
    places = [np.flatnonzero(labels == c) for c in classes]
    return [
        np.concatenate([g.choice(place, per_class, replace=False) for place in places]) for g in generators
    ]


def _protocol(per_class: int | None, images: int, fits: int, converged: int, queries: int) -> tuple[str, ...]:
    drawn = f"{_count(per_class or 0, 'label')} a class, {_count(fits, 'draw')}"
    stopped = f" ({fits - converged} of {_count(fits, 'fit')} stopped at {ITERATIONS:,} iterations)"
    return (
        "logistic regression (L-BFGS, C = 1) on frozen features, standardised by all training images",
        (f"all {images:,} labels" if per_class is None else drawn) + ("" if converged == fits else stopped),
        f"{queries:,} validation images",
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
