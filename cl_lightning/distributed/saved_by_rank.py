"""What each rank holds of a run, for a checkpoint that one of them writes, and back to each of them.

Where as many ranks read as wrote, each has its own again, to the bit. What is saved has to be asked for on
every rank, in the same order.
"""

from collections.abc import Sequence
from typing import TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor

from cl_lightning.distributed.gather import gather
from cl_lightning.distributed.ranks import own_share, rank, world_size

T = TypeVar("T")


def by_rank(x: Num[Tensor, "*shape"]) -> Num[Tensor, "ranks *shape"]:
    """What every rank has, in rank order."""
    return gather(x.detach()[None])


def own_sum(saved: Num[Tensor, "ranks *shape"]) -> Num[Tensor, "*shape"]:
    """This rank's part of a sum; of another number of ranks the first takes all of it, the others zeros."""
    if len(saved) == world_size():
        return saved[rank()].clone()
    return saved.sum(0) if rank() == 0 else torch.zeros_like(saved[0])


def own_mean(saved: Num[Tensor, "ranks *shape"]) -> Num[Tensor, "*shape"]:
    """This rank's part of a mean over ranks; of another number of ranks each takes the mean."""
    return saved[rank()].clone() if len(saved) == world_size() else saved.mean(0)


def global_batches(batches: Sequence[Num[Tensor, "batch *shape"]]) -> Num[Tensor, "global_batch n *shape"]:
    """The batches of all ranks, n global ones side by side; the ranks must have equally many of one shape."""
    return gather(torch.stack(tuple(batches), dim=1)) if batches else torch.zeros(0, 0)


def own_batches(saved: Num[Tensor, "global_batch n *shape"]) -> list[Num[Tensor, "batch *shape"]]:
    """This rank's part of each global batch, whatever the number of ranks that wrote them."""
    return [part.contiguous() for part in own_share(saved).unbind(1)]


def gather_objects(x: T) -> list[T]:
    """What every rank has of a small plain object, in rank order."""
    if world_size() == 1:
        return [x]
    gathered: list[T] = [x] * world_size()
    dist.all_gather_object(gathered, x)
    return gathered
