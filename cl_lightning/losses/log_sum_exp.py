"""The core of both losses: cross-entropy over many candidates, streamed over blocks of anchors."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses.blocks import loss_and_gradients

ALIGNMENT = 64


def cross_entropy(
    anchors: Float[Tensor, "n dim"],
    candidates: Float[Tensor, "m dim"],
    positive: Int64[Tensor, "n"],
    excluded: Int64[Tensor, "n some"],
    temperature: float,
) -> Float[Tensor, ""]:
    """Mean over anchors a_i of log(exp(s_ip) + sum over negatives j of exp(s_ij)) - s_ip.

    s_ij = a_i c_j / T, where c are the candidates and T is the temperature; p = positive[i]. The negatives
    of anchor i are all candidates but those that row i of `excluded` names, p among them; without any the
    loss is 0. All floats have one dtype, float32 or float64.

    Memory: one block of logits and the gradients. These are computed along with the loss, while a block is
    in the cache, and backward merely scales them; so they cannot be differentiated again (RuntimeError).
    """
    candidates, excluded = _aligned(candidates, excluded)
    return _CrossEntropy.apply(anchors, candidates, positive, excluded, temperature)


def _aligned(candidates: Tensor, excluded: Tensor) -> tuple[Tensor, Tensor]:
    """Fill the candidates up with rows that every anchor excludes.

    Matrix products round the last columns otherwise than whole blocks of them, and a temperature of 0.005
    makes 200 times of it: equal similarities have to stay equal.
    """
    more = -len(candidates) % ALIGNMENT
    if more == 0:
        return candidates, excluded
    filled = F.pad(candidates, (0, 0, 0, more))
    added = torch.arange(len(candidates), len(filled), device=excluded.device).expand(len(excluded), -1)
    return filled, torch.cat([excluded, added], dim=1)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        candidates: Tensor,
        positive: Tensor,
        excluded: Tensor,
        temperature: float,
    ) -> Tensor:
        ctx.needed = ctx.needs_input_grad[:2]
        loss, *gradients = loss_and_gradients(
            anchors, candidates, positive, excluded, temperature, *ctx.needed
        )
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
        gradients = zip(ctx.needed, ctx.saved_tensors, strict=True)
        return *(g * upstream if needed else None for needed, g in gradients), None, None, None
