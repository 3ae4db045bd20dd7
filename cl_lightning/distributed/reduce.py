"""A sum over all ranks, with gradient."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Num
from torch import Tensor
from torch.autograd.function import once_differentiable

from cl_lightning.distributed.ranks import world_size


class _AllReduceSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # Every rank's loss depends on the sum, so x receives the gradients of all ranks.
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def all_reduce_sum(x: Num[Tensor, "*shape"]) -> Num[Tensor, "*shape"]:
    """The sum of `x` over all ranks; `x` itself on one process.

    Its backward sums the gradients over all ranks. With DDP's mean over ranks this gives the gradient of the
    mean of all ranks' losses. Every rank must call it, forward and backward, with the same shape and in the
    same order.
    """
    return _AllReduceSum.apply(x) if world_size() > 1 else x
