"""One choice of each axis: pairs, encoder and loss."""

from cl_lightning.methods.moco import MoCoV2
from cl_lightning.methods.simclr import SimCLR

__all__ = ["MoCoV2", "SimCLR"]
