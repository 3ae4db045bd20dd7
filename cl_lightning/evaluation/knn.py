"""Weighted kNN on frozen features."""

from dataclasses import dataclass

from cl_lightning.evaluation.features import Features
from cl_lightning.metrics import KNNAccuracy


@dataclass(frozen=True)
class KNNResult:
    """Accuracy, and its protocol as a list of phrases."""

    accuracy: float
    protocol: tuple[str, ...]


def knn_accuracy(train: Features, val: Features, k: int = 200, temperature: float = 0.1) -> KNNResult:
    """The share of `val` that gets its right class from the vote of its k nearest `train` features.

    The vote is weighted as in arXiv 1805.01978. If `train` has fewer than `k` images, all of them vote.
    """
    k = min(k, len(train.labels))
    metric = KNNAccuracy(k, temperature)
    metric.add_to_bank(train.features, train.labels)
    metric.update(val.features, val.labels)
    protocol = (
        f"vote of the {k} nearest of {len(train.labels):,} clean training images by cosine similarity s",
        f"weights exp(s / {temperature:g})",
        f"{len(val.labels):,} validation images",
    )
    return KNNResult(metric.compute().item(), protocol)
