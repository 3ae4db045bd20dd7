"""The number of processes, the number of this process, and its rows of a global batch."""

import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor


def world_size() -> int:
    """The number of processes in the default group; 1 if there is no group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process in the default group, from 0; 0 if there is no group."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def own_share(x: Num[Tensor, "global_batch *shape"]) -> Num[Tensor, "batch *shape"]:
    """This rank's contiguous share of the rows of a global batch."""
    return x.chunk(world_size())[rank()]
