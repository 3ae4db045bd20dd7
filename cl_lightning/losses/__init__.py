"""3. How are the embeddings scored? SimCLR's NT-Xent, MoCo's InfoNCE and their kin, as pure functions.

All are streamed over blocks of anchors (`streaming.py`): among the views of the global batch (`mutual.py`),
or against other candidates (`against.py`).
"""

from cl_lightning.losses.cross_entropy import info_nce, nt_xent
from cl_lightning.losses.reach import Reach, reach_of

# What a config may name, by the form of the call.
OF_TWO_VIEWS = (nt_xent,)  # loss(z_a, z_b)
WITH_NEGATIVES = (info_nce,)  # loss(queries, keys, negatives)

__all__ = ["OF_TWO_VIEWS", "WITH_NEGATIVES", "Reach", "info_nce", "nt_xent", "reach_of"]

OPTIONS = tuple(f"{__name__}.{loss.__name__}" for loss in (*OF_TWO_VIEWS, *WITH_NEGATIVES))
