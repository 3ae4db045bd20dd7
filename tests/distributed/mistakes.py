"""NT-Xent with a gather that goes wrong backwards: its value is right, its gradient is not."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.distributed import all_reduce_sum, gather, rank, world_size


def gathered(x: Tensor) -> Tensor:
    """All ranks' rows, as constants."""
    return gather(x.detach())


class WithBackward(torch.autograd.Function):
    """A gather whose backward is `back(gradient)`, the gradient of all ranks' rows on this rank."""

    @staticmethod
    def forward(ctx, x: Tensor, back: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.back = back
        return gathered(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.back(gradient).chunk(world_size())[rank()], None


def summed(gradient: Tensor) -> Tensor:
    return all_reduce_sum(gradient)


def own_part_only(gradient: Tensor) -> Tensor:
    return gradient


def scaled_by_the_world_size(gradient: Tensor) -> Tensor:
    return world_size() * summed(gradient)


def nt_xent_through(
    candidates: Callable[[Tensor], Tensor], z_a: Tensor, z_b: Tensor, temperature: float = 0.1
) -> Tensor:
    """NT-Xent as the paper writes it, of this rank's anchors and all ranks' `candidates(z)`."""
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    itself = torch.arange(len(z)) + rank() * len(z)
    logits = (z @ candidates(z).T / temperature).scatter(1, itself[:, None], -math.inf)
    return F.cross_entropy(logits, itself.roll(len(z_a)))


def gather_with(back: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return WithBackward.apply(x, back)


RIGHT = partial(nt_xent_through, partial(gather_with, summed))
MISTAKES = {
    "without gradient": partial(nt_xent_through, gathered),
    "own part only": partial(nt_xent_through, partial(gather_with, own_part_only)),
    "scaled by the world size": partial(nt_xent_through, partial(gather_with, scaled_by_the_world_size)),
}


def without_gradient(x: Tensor) -> Tensor:
    """Stands for `all_reduce_sum` in a synchronised BatchNorm whose statistics are taken as constants."""
    return x + (all_reduce_sum(x.detach()) - x.detach())
