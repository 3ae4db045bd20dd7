"""Metrics of a representation.

Alignment, uniformity, effective rank and moments need no labels; kNN accuracy needs them. Contrast scores
show how hard the contrastive task still is.
"""

from cl_lightning.metrics.alignment import Alignment
from cl_lightning.metrics.contrast import Scores, contrast_scores
from cl_lightning.metrics.effective_rank import EffectiveRank
from cl_lightning.metrics.knn import KNNAccuracy
from cl_lightning.metrics.means import Means
from cl_lightning.metrics.moments import Moments
from cl_lightning.metrics.uniformity import Uniformity

__all__ = [
    "Alignment",
    "EffectiveRank",
    "KNNAccuracy",
    "Means",
    "Moments",
    "Scores",
    "Uniformity",
    "contrast_scores",
]
