"""3. How are the embeddings scored? SimCLR's NT-Xent and MoCo's InfoNCE, as pure functions.

Both are a cross-entropy over cosine similarities, streamed over blocks of anchors (`blocks.py`). InfoNCE's
candidates are others than its anchors (`cross_entropy.py`); in NT-Xent every embedding is both (`mutual.py`).
"""

from cl_lightning.losses.info_nce import info_nce
from cl_lightning.losses.nt_xent import nt_xent

__all__ = ["info_nce", "nt_xent"]
