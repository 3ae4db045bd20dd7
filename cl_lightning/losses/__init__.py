"""3. Losses: SimCLR's NT-Xent, MoCo's InfoNCE and related losses, as pure functions.

Each file holds one form of the equation. `streamed/` computes them all.
"""

from cl_lightning.losses.cross_entropy import info_nce, neighbour_nce, nt_xent
from cl_lightning.losses.decoupled import dcl, dcl_info_nce
from cl_lightning.losses.hard_negatives import hard_info_nce, hard_nt_xent
from cl_lightning.losses.reach import Reach, reach_of
from cl_lightning.losses.sup_con import sup_con

# What a config may name, by the form of the call.
OF_TWO_VIEWS = (nt_xent, dcl, hard_nt_xent)  # loss(z_a, z_b)
WITH_LABELS = (sup_con,)  # loss(z_a, z_b, labels)
WITH_NEGATIVES = (info_nce, dcl_info_nce, hard_info_nce)  # loss(queries, keys, negatives)
OF_NEIGHBOURS = (neighbour_nce,)  # loss(neighbours, predictions)

__all__ = [
    "OF_NEIGHBOURS",
    "OF_TWO_VIEWS",
    "WITH_LABELS",
    "WITH_NEGATIVES",
    "Reach",
    "dcl",
    "dcl_info_nce",
    "hard_info_nce",
    "hard_nt_xent",
    "info_nce",
    "neighbour_nce",
    "nt_xent",
    "reach_of",
    "sup_con",
]

LOSSES = (*OF_TWO_VIEWS, *WITH_LABELS, *WITH_NEGATIVES, *OF_NEIGHBOURS)
OPTIONS = tuple(f"{__name__}.{loss.__name__}" for loss in LOSSES)
