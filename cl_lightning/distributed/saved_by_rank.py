"""Saves the state of every rank in the checkpoint that one rank writes, and restores it.

If the number of ranks is unchanged, each rank gets its own state back, to the bit. Every rank must call these
functions, in the same order.
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
    """The values of all ranks, in rank order."""
    return gather(x.detach()[None])


def own_sum(saved: Num[Tensor, "ranks *shape"]) -> Num[Tensor, "*shape"]:
    """This rank's part of a sum. If the number of ranks has changed, rank 0 takes all of it, others zeros."""
    if len(saved) == world_size():
        return saved[rank()].clone()
    return saved.sum(0) if rank() == 0 else torch.zeros_like(saved[0])


def own_mean(saved: Num[Tensor, "ranks *shape"]) -> Num[Tensor, "*shape"]:
    """This rank's part of a mean over ranks. If the number of ranks has changed, each takes the mean."""
    return saved[rank()].clone() if len(saved) == world_size() else saved.mean(0)


def global_batches(batches: Sequence[Num[Tensor, "batch *shape"]]) -> Num[Tensor, "global_batch n *shape"]:
    """The n batches of all ranks as n global batches. All ranks must have as many batches, of one shape."""
    return gather(torch.stack(tuple(batches), dim=1)) if batches else torch.zeros(0, 0)


def own_batches(saved: Num[Tensor, "global_batch n *shape"]) -> list[Num[Tensor, "batch *shape"]]:
    """This rank's part of each global batch, for any number of ranks at the save."""
    return [part.contiguous() for part in own_share(saved).unbind(1)]


def gather_objects(x: T) -> list[T]:
    """One small plain object from each rank, in rank order."""
    if world_size() == 1:
        return [x]
    gathered: list[T] = [x] * world_size()
    dist.all_gather_object(gathered, x)
    return gathered
