"""Methods: each is one choice of pairs, encoder and loss."""

from cl_lightning.methods.moco import MoCoV2
from cl_lightning.methods.nnclr import NNCLR
from cl_lightning.methods.simclr import SimCLR

__all__ = ["NNCLR", "MoCoV2", "SimCLR"]

# What a config may name: the methods, and the callbacks that only they need.
OPTIONS = (
    "cl_lightning.MoCoV2",
    "cl_lightning.NNCLR",
    "cl_lightning.SimCLR",
    "cl_lightning.callbacks.MomentumEncoder",
    "cl_lightning.callbacks.NegativeQueue",
    "cl_lightning.callbacks.support_set.SupportSet",
)
