"""How many processes train together, and which one is this?"""

import torch.distributed as dist


def world_size() -> int:
    """The number of processes of the default group; 1 where there is no group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process within the default group, from 0; 0 where there is no group."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0
