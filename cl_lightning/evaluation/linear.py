"""Linear probe on frozen features, with all labels or a few of each class."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from cl_lightning.evaluation.draws import Amount, draw_labels
from cl_lightning.evaluation.features import Features
from cl_lightning.evaluation.phrases import counted, labelled, measured_on

REGULARISATION = 1.0  # scikit-learn's C: the weight of the data term relative to |w|^2 / 2
ITERATIONS = 1000


@dataclass(frozen=True)
class LinearResult:
    """Mean and standard deviation of the accuracy over `draws` of labelled images, and the protocol.

    `converged` counts the fits that converged before the limit of iterations. `predicted` has the class that
    each image of `val` was taken for, in each draw.
    """

    accuracy: float
    std: float
    draws: int
    converged: int
    protocol: tuple[str, ...]
    predicted: Int[Tensor, "draws images"]


def linear_accuracy(
    train: Features, val: Features, labels_per_class: Amount | None = None, draws: int = 10
) -> LinearResult:
    """Accuracy on `val` of a logistic regression (L-BFGS, C = 1) on frozen features.

    Features are standardised with the statistics of all of `train`, which needs no labels. C is fixed, and
    nothing is chosen by `val`. `draw_labels` selects the labelled images; None uses all images, once.

    Raises:
        ValueError: fewer than 1 label a class or 1 draw; a class with fewer images than requested; one class.
    """
    return linear_accuracies(train, val, [labels_per_class], draws)[labels_per_class]


def linear_accuracies(
    train: Features, val: Features, amounts: Iterable[Amount | None], draws: int = 10
) -> dict[Amount | None, LinearResult]:
    """`linear_accuracy` for each amount of labels, from features that are standardised once."""
    y_train, y_val = train.labels.numpy(), val.labels.numpy()
    chosen = {n: _rows(y_train, n, draws) for n in amounts}
    if not chosen:
        return {}
    if len(set(y_train.tolist())) < 2:
        raise ValueError(
            "the labelled training images are of one class, from which no probe can learn; accepted: images "
            "of two classes or more, or --protocol knn"
        )
    scaler = StandardScaler().fit(train.features.double().numpy())
    x_train = scaler.transform(train.features.double().numpy())
    x_val = scaler.transform(val.features.double().numpy())

    results: dict[Amount | None, LinearResult] = {}
    for n, rows in chosen.items():
        predicted, converged = [], 0
        for drawn in rows:
            probe, done = _fitted(x_train[drawn], y_train[drawn])
            predicted.append(probe.predict(x_val))
            converged += done
        scores = [float((found == y_val).mean()) for found in predicted]
        protocol = (
            "logistic regression (L-BFGS, C = 1) on frozen features, standardised by all training images",
            _labelled(n, len(y_train), len(rows), converged),
            measured_on(val.labels, train.labels),
        )
        results[n] = LinearResult(
            *(float(np.mean(scores)), float(np.std(scores)), len(rows), converged, protocol),
            torch.from_numpy(np.stack(predicted)),
        )
    return results


def _rows(labels: np.ndarray, amount: Amount | None, draws: int) -> list[np.ndarray]:
    return [np.arange(len(labels))] if amount is None else draw_labels(labels, amount, draws)


def _fitted(features: np.ndarray, labels: np.ndarray) -> tuple[LogisticRegression, bool]:
    """A probe, and whether its fit converged."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ConvergenceWarning)
        probe = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS).fit(features, labels)
    return probe, not any(issubclass(w.category, ConvergenceWarning) for w in told)


def _labelled(amount: Amount | None, images: int, fits: int, converged: int) -> str:
    """Which images were labelled, and how many fits did not converge."""
    said = f"all {images:,} labels" if amount is None else f"{labelled(amount)}, {counted(fits, 'draw')}"
    if converged == fits:
        return said
    return f"{said} ({fits - converged} of {counted(fits, 'fit')} stopped at {ITERATIONS:,} iterations)"
