"""InfoNCE's core: cross-entropy over many candidates, streamed over blocks of anchors."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cl_lightning.losses.blocks import aligned, blocks_of, full_precision
from cl_lightning.losses.gradients import scaled
from cl_lightning.losses.log_sum_exp import by_positive, log_sum_exp, loss_of


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
    """Fill the candidates up with rows that every anchor excludes."""
    filled = aligned(candidates)
    if filled is candidates:
        return candidates, excluded
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
        gradients = zip(ctx.needed, ctx.saved_tensors, strict=True)
        return *(scaled(g, upstream) if needed else None for needed, g in gradients), None, None, None


@torch.library.custom_op("cl_lightning::cross_entropy", mutates_args=())
def loss_and_gradients(
    anchors: Tensor,
    candidates: Tensor,
    positive: Tensor,
    excluded: Tensor,
    temperature: float,
    needs_anchors: bool,
    needs_candidates: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """`cross_entropy` and its gradients by the first two arguments (empty: not needed), without autograd.

    A block of rows holds all its candidates, so that its log-sum-exp is final at once and its gradient
    follows without a second look. One operator, which torch.compile takes as it is.
    """
    n = len(anchors)
    losses = anchors.new_empty(n)
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_candidates = torch.zeros_like(candidates) if needs_candidates else candidates.new_empty(0)
    with full_precision(anchors.device.type):
        for block in blocks_of(n, len(candidates)):
            logits = (anchors[block] / temperature) @ candidates.T
            losses[block], by_logit = _loss_and_gradient(logits, positive[block, None], excluded[block])
            by_cosine = by_logit.div_(n * temperature)
            if needs_anchors:
                d_anchors[block] = by_cosine @ candidates
            if needs_candidates:
                d_candidates.addmm_(by_cosine.T, anchors[block])
    return losses.mean(), d_anchors, d_candidates


@loss_and_gradients.register_fake
def _shapes(
    anchors: Tensor,
    candidates: Tensor,
    positive: Tensor,
    excluded: Tensor,
    temperature: float,
    needs_anchors: bool,
    needs_candidates: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_candidates = torch.empty_like(candidates) if needs_candidates else candidates.new_empty(0)
    return anchors.new_empty(()), d_anchors, d_candidates


def _loss_and_gradient(logits: Tensor, positive: Tensor, excluded: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each row, and its gradient by the logits, in their place.

    The positive's logit comes out of the same product as the others, so that all are rounded alike.
    """
    own = logits.gather(1, positive)
    negatives, largest = log_sum_exp(logits.scatter_(1, excluded, -torch.inf))
    probability = logits.mul_((largest - torch.logaddexp(own, negatives)).exp_())
    probability.scatter_(1, positive, by_positive(own, negatives))
    return loss_of(own, negatives)[:, 0], probability
