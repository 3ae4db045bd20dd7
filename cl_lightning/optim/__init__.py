"""Optimization: which parameters have weight decay, how steps are computed, the learning-rate schedule."""

from cl_lightning.optim.by_step import ByStep
from cl_lightning.optim.implementation import IMPLEMENTATION, fused, keep_implementation
from cl_lightning.optim.param_groups import param_groups
from cl_lightning.optim.schedule import OtherSchedule, Schedule, as_schedule
from cl_lightning.optim.warmed_up import WarmedUp
from cl_lightning.optim.warmup_cosine import WarmupCosine
from cl_lightning.optim.warmup_stable_decay import WarmupStableDecay

__all__ = [
    "IMPLEMENTATION",
    "ByStep",
    "OtherSchedule",
    "Schedule",
    "WarmedUp",
    "WarmupCosine",
    "WarmupStableDecay",
    "as_schedule",
    "fused",
    "keep_implementation",
    "param_groups",
]

# What a config may name.
OPTIONS = (
    "cl_lightning.optim.WarmupCosine",
    "cl_lightning.optim.WarmupStableDecay",
    "timm.optim.Lars",
    "torch.optim.AdamW",
    "torch.optim.SGD",
)
