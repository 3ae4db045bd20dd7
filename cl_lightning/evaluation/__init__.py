"""How good a frozen encoder is: kNN and linear probe, with all labels or few."""

from cl_lightning.evaluation.features import Features, FrozenFeatures
from cl_lightning.evaluation.knn import knn_accuracy
from cl_lightning.evaluation.linear import LinearAccuracy, linear_accuracy

__all__ = ["Features", "FrozenFeatures", "LinearAccuracy", "knn_accuracy", "linear_accuracy"]
