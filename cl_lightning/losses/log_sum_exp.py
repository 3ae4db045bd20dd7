"""The core of both losses: cross-entropy over many candidates, streamed over blocks of anchors."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cl_lightning.losses.blocks import loss_and_gradients


def cross_entropy(
    anchors: Float[Tensor, "n dim"],
    candidates: Float[Tensor, "m dim"],
    positive_logits: Float[Tensor, "n"],
    temperature: float,
    excluded: Int64[Tensor, "n columns"] | None = None,
) -> Float[Tensor, ""]:
    """Mean over anchors of log(exp(p_i) + sum over j of exp(a_i c_j / T)) - p_i.

    a are the anchors, c the candidates, T is the temperature and p are the positive logits, already divided
    by T. Row i of `excluded` names the candidates that are no negatives of anchor i; where none is left
    the loss is 0. All floats have one dtype, float32 or float64.

    Memory: one block of logits and the gradients. These are computed along with the loss, while a block is
    in the cache, and backward merely scales them; so they cannot be differentiated again (RuntimeError).
    """
    return _CrossEntropy.apply(anchors, candidates, positive_logits, temperature, excluded)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        candidates: Tensor,
        positive_logits: Tensor,
        temperature: float,
        excluded: Tensor | None,
    ) -> Tensor:
        ctx.needed = ctx.needs_input_grad[:3]
        loss, *gradients = loss_and_gradients(
            anchors, candidates, positive_logits, temperature, excluded, *ctx.needed
        )
        ctx.save_for_backward(*gradients)
        return loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
        gradients = zip(ctx.needed, ctx.saved_tensors, strict=True)
        return *(g * upstream if needed else None for needed, g in gradients), None, None
