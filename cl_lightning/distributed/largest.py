"""The largest of one number per rank."""

from functools import cache
from typing import Any

import torch
import torch.distributed as dist

from cl_lightning.distributed.ranks import world_size


def largest(number: int) -> int:
    """The largest of all ranks' numbers; `number` itself on one process.

    Every rank must call it at the same point. It is sent between CPUs, so that it waits for no GPU.
    """
    if world_size() == 1:
        return number
    exchanged = torch.tensor(number)
    dist.all_reduce(exchanged, op=dist.ReduceOp.MAX, group=_hosts(dist.group.WORLD))
    return int(exchanged)


@cache
def _hosts(world: Any) -> Any:
    return world if "gloo" in dist.get_backend(world) else dist.new_group(backend="gloo")
