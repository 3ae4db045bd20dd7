"""How many processes train together, which one is this, and which rows of a global batch are its own?"""

import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor


def world_size() -> int:
    """The number of processes of the default group; 1 where there is no group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process within the default group, from 0; 0 where there is no group."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def own_share(x: Num[Tensor, "global_batch *shape"]) -> Num[Tensor, "batch *shape"]:
    """This rank's contiguous share of the rows of a global batch."""
    return x.chunk(world_size())[rank()]
