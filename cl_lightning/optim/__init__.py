"""How the weights are updated: which parameters decay, and the learning rate by step."""

from cl_lightning.optim.param_groups import param_groups
from cl_lightning.optim.schedule import WarmupCosine

__all__ = ["WarmupCosine", "param_groups"]
