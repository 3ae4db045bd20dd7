"""Evaluation of a frozen encoder: kNN, linear probe with all labels or a few of each class, retrieval."""

from cl_lightning.evaluation.by_class import class_table
from cl_lightning.evaluation.draws import Amount, Percent, amount, draw_labels
from cl_lightning.evaluation.features import Features, FrozenFeatures
from cl_lightning.evaluation.knn import KNNResult, knn_accuracies, knn_accuracy
from cl_lightning.evaluation.linear import LinearResult, linear_accuracies, linear_accuracy
from cl_lightning.evaluation.results import Result
from cl_lightning.evaluation.table import table

__all__ = [
    "Amount",
    "Features",
    "FrozenFeatures",
    "KNNResult",
    "LinearResult",
    "Percent",
    "Result",
    "amount",
    "class_table",
    "draw_labels",
    "knn_accuracies",
    "knn_accuracy",
    "linear_accuracies",
    "linear_accuracy",
    "table",
]
