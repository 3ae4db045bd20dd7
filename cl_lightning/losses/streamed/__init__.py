"""How all losses are computed: streamed over blocks of anchors, without storing all similarities.

A loss is a rule for one anchor (`rules.py`) over sums of exponentials (`sums.py`). Its candidates are the
views of the global batch (`mutual.py`), or others, such as a queue (`against.py`), which come in pieces
(`anchors.py`, `pieces.py`). `negatives.py` has the gradient of candidates whose anchors are scored already.
"""

from cl_lightning.losses.streamed.against import against_negatives, against_predictions
from cl_lightning.losses.streamed.blocks import compute_dtype
from cl_lightning.losses.streamed.checks import check_pairs, check_positive, check_two_images
from cl_lightning.losses.streamed.mutual import among_views
from cl_lightning.losses.streamed.rules import Rows, Rule, Score, rule

__all__ = [
    "Rows",
    "Rule",
    "Score",
    "against_negatives",
    "against_predictions",
    "among_views",
    "check_pairs",
    "check_positive",
    "check_two_images",
    "compute_dtype",
    "rule",
]
