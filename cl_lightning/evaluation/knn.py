"""Weighted kNN of frozen features."""

from cl_lightning.evaluation.features import Features
from cl_lightning.metrics import KNNAccuracy


def knn_accuracy(train: Features, val: Features, k: int, temperature: float) -> float:
    """Share of `val` whose class its k nearest `train` features vote for (arXiv 1805.01978)."""
    metric = KNNAccuracy(min(k, len(train.labels)), temperature)
    metric.add_to_bank(train.features, train.labels)
    metric.update(val.features, val.labels)
    return metric.compute().item()
