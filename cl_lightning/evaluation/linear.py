"""Linear probe of frozen features, with all labels or a few of each class."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from cl_lightning.evaluation.features import Features

REGULARISATION = 1.0  # C of scikit-learn: weight of the data term beside |w|^2 / 2
ITERATIONS = 1000


@dataclass(frozen=True)
class LinearAccuracy:
    """Mean and standard deviation of the accuracy over `draws` of labelled images."""

    mean: float
    std: float
    draws: int


def linear_accuracy(
    train: Features, val: Features, labels_per_class: int | None = None, draws: int = 10
) -> LinearAccuracy:
    """Accuracy on `val` of a logistic regression (L-BFGS, C = 1) on frozen features.

    Features are standardised by all of `train`, which needs no labels. Draw i takes its
    `labels_per_class` images of each class by `numpy.random.default_rng(i)`; None takes all images, once.

    Raises:
        ValueError: a class with fewer images than asked for.
    """
    scaler = StandardScaler().fit(train.features.double().numpy())
    x_train = scaler.transform(train.features.double().numpy())
    x_val = scaler.transform(val.features.double().numpy())
    y_train, y_val = train.labels.numpy(), val.labels.numpy()

    def accuracy(rows: np.ndarray) -> float:
        probe = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS)
        return float(probe.fit(x_train[rows], y_train[rows]).score(x_val, y_val))

    if labels_per_class is None:
        return LinearAccuracy(accuracy(np.arange(len(y_train))), 0.0, 1)
    scores = [accuracy(draw_labels(y_train, labels_per_class, draw)) for draw in range(draws)]
    return LinearAccuracy(float(np.mean(scores)), float(np.std(scores)), draws)


def draw_labels(labels: np.ndarray, per_class: int, draw: int) -> np.ndarray:
    """Rows of `per_class` images of each class; another set for each `draw`."""
    generator = np.random.default_rng(draw)
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < per_class:
        raise ValueError(
            f"{per_class} labels a class are asked for, but class {classes[counts.argmin()]} has {counts.min()} "
            f"training images; accepted: at most that with --labels"
        )
    return np.concatenate(
        [generator.choice(np.flatnonzero(labels == c), per_class, replace=False) for c in classes]
    )
