"""Weighted kNN of frozen features."""

from dataclasses import dataclass

from cl_lightning.evaluation.features import Features
from cl_lightning.metrics import KNNAccuracy


@dataclass(frozen=True)
class KNNResult:
    """Accuracy, and the protocol that it was measured by, in parts."""

    accuracy: float
    protocol: tuple[str, ...]


def knn_accuracy(train: Features, val: Features, k: int = 200, temperature: float = 0.1) -> KNNResult:
    """Share of `val` whose class its k nearest `train` features vote for (arXiv 1805.01978).

    All of `train` votes where it has fewer than `k` images.
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
