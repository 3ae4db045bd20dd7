"""The batches of all ranks as one batch, with gradient."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor
from torch.autograd.function import once_differentiable

from cl_lightning.distributed.ranks import rank, world_size


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        shares = [torch.empty_like(x) for _ in range(world_size())]
        dist.all_gather(shares, x)
        return torch.cat(shares)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # Each rank's loss used all shares, so the gradients from all ranks are summed on the share's rank.
        shares = list(gradient.contiguous().chunk(world_size()))
        total = torch.empty_like(shares[rank()])
        dist.reduce_scatter(total, shares)
        return total


def gather(x: Num[Tensor, "batch *shape"]) -> Num[Tensor, "global_batch *shape"]:
    """The rows of all ranks in rank order, [world size * batch, ...]; `x` itself on one process.

    The gradient of a row is summed over all ranks and returned to the rank of the row. With DDP's mean over
    ranks, a loss of the gathered rows has the gradient that one process would compute. Every rank must call
    it with the same shape and in the same order. Use it in a loss of your own; `nt_xent` gathers without
    gradient.
    """
    return _Gather.apply(x) if world_size() > 1 else x
