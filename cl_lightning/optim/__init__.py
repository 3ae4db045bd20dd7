"""Optimization: which parameters have weight decay, how steps are computed, the learning-rate schedule."""

from cl_lightning.optim.implementation import IMPLEMENTATION, fused, keep_implementation
from cl_lightning.optim.param_groups import param_groups
from cl_lightning.optim.schedule import OtherSchedule, Schedule, as_schedule
from cl_lightning.optim.warmup_cosine import WarmupCosine

__all__ = [
    "IMPLEMENTATION",
    "OtherSchedule",
    "Schedule",
    "WarmupCosine",
    "as_schedule",
    "fused",
    "keep_implementation",
    "param_groups",
]

# What a config may name.
OPTIONS = (
    "cl_lightning.optim.WarmupCosine",
    "timm.optim.Lars",
    "torch.optim.AdamW",
    "torch.optim.SGD",
)
