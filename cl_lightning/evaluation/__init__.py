"""Evaluation of a frozen encoder: kNN and linear probe, with all labels or a few of each class."""

from cl_lightning.evaluation.features import Features, FrozenFeatures
from cl_lightning.evaluation.knn import KNNResult, knn_accuracy
from cl_lightning.evaluation.linear import LinearResult, draw_labels, linear_accuracy
from cl_lightning.evaluation.table import table

__all__ = [
    "Features",
    "FrozenFeatures",
    "KNNResult",
    "LinearResult",
    "draw_labels",
    "knn_accuracy",
    "linear_accuracy",
    "table",
]
