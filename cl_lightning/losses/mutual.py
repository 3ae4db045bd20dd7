"""NT-Xent's core: cross-entropy where every embedding is an anchor and a candidate of all others.

A similarity is the same from both sides. So this rank's rows of logits also hold how the anchors of other
ranks score this rank's embeddings; all that is missing is those anchors' log-sum-exps, one number each.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.blocks import aligned, blocks_of, full_precision
from cl_lightning.losses.gradients import scaled
from cl_lightning.losses.log_sum_exp import by_positive, log_sum_exp, loss_of


def mutual_cross_entropy(
    own: Float[Tensor, "rows dim"], everyone: Float[Tensor, "all_rows dim"], temperature: float
) -> Float[Tensor, ""]:
    """Mean over this rank's rows i of Z_i - s_ip, where Z_i = log(sum over all j != i of exp(s_ij)).

    s_ij = c_i c_j / T, where T is the temperature and c are `everyone`, the rows of all ranks in rank order,
    `own` among them; p, the positive of i, is the own row that is half of the own rows away. All floats have
    one dtype, float32 or float64. Gradients reach `own` only.

    The gradient by own row i is that of the sum of all ranks' losses: with R own rows, 1 / (R T) times the
    sum over j != i of (p_ij + p_ji) c_j, where p_ij = exp(s_ij - Z_i), less 1 where j is i's positive. It
    takes for granted that the same gradient arrives from above on all ranks, as it does in DDP, with
    accumulation and loss scaling too.

    Memory: one block of logits, the gradient, and a copy of the rows of other ranks. The gradient is
    computed along with the loss, and backward merely scales it; so it cannot be differentiated again
    (RuntimeError).
    """
    return _MutualCrossEntropy.apply(own, everyone, temperature)


class _MutualCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, everyone: Tensor, temperature: float) -> Tensor:
        first = rank() * len(own)
        needed = ctx.needs_input_grad[0]
        positive, negatives, by_own = own_anchors(own, everyone, first, temperature, needed)
        if needed and len(everyone) > len(own):
            totals = gather(torch.logaddexp(positive, negatives))
            by_own = by_own + other_anchors(own, everyone, totals, first, temperature)
        ctx.save_for_backward(by_own)
        return loss_of(positive, negatives).mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (by_own,) = ctx.saved_tensors
        return scaled(by_own, upstream), None, None


@torch.library.custom_op("cl_lightning::own_anchors", mutates_args=())
def own_anchors(
    own: Tensor, everyone: Tensor, first: int, temperature: float, needs_gradient: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Each own row's positive logit and log-sum-exp of negatives, [rows, 1], and what own anchors send back.

    The third is their mean loss's gradient by the own rows, [rows, dim], or empty. The own rows are those
    from number `first` of everyone's.
    """
    candidates = aligned(everyone)
    mine = slice(first, first + len(own))
    partners = torch.arange(first, first + len(own), device=own.device).roll(len(own) // 2)[:, None]
    positive, negatives = own.new_empty(len(own), 1), own.new_empty(len(own), 1)
    by_own = torch.zeros_like(own) if needs_gradient else own.new_empty(0)
    with full_precision(own.device.type):
        for block in blocks_of(len(own), len(candidates)):
            anchors = own[block]
            logits = (anchors / temperature) @ candidates.T
            # Out of the same product as the others, so that all are rounded alike.
            positive[block] = logits.gather(1, partners[block])
            logits.scatter_(1, partners[block], -torch.inf)
            logits.diagonal(first + block.start).fill_(-torch.inf)
            logits[:, len(everyone) :] = -torch.inf
            negatives[block], largest = log_sum_exp(logits)
            if needs_gradient:
                exp = logits
                probability = (largest - torch.logaddexp(positive[block], negatives[block])).exp_()
                by_own[block] += probability * (exp @ candidates)
                by_own.addmm_(exp[:, mine].T, probability * anchors)
        if needs_gradient:
            _add_partners(by_own, own, by_positive(positive, negatives))
    return positive, negatives, by_own.div_(len(own) * temperature)


def _add_partners(by_own: Tensor, own: Tensor, by_positive: Tensor) -> None:
    """The positive pairs' part: an embedding is anchor to its partner, and its partner's positive."""
    half = len(own) // 2
    by_own += (by_positive + by_positive.roll(half, 0)) * own.roll(half, 0)


@torch.library.custom_op("cl_lightning::other_anchors", mutates_args=())
def other_anchors(own: Tensor, everyone: Tensor, totals: Tensor, first: int, temperature: float) -> Tensor:
    """What all other ranks' anchors send back to the own rows, [rows, dim]: only negatives.

    `totals` are the log-sum-exps of everyone's logits, Z, [all rows, 1].
    """
    others, totals = (torch.cat([x[:first], x[first + len(own) :]]) for x in (everyone, totals))
    candidates = aligned(others)
    # Filled up like the candidates, whose rows of zeros add nothing to the product.
    totals = F.pad(totals.T, (0, len(candidates) - len(others)))
    by_own = torch.empty_like(own)
    with full_precision(own.device.type):
        for block in blocks_of(len(own), len(candidates)):
            logits = (own[block] / temperature) @ candidates.T
            by_own[block] = logits.sub_(totals).exp_() @ candidates
    return by_own.div_(len(own) * temperature)


@own_anchors.register_fake
def _shapes_of_own(
    own: Tensor, everyone: Tensor, first: int, temperature: float, needs_gradient: bool
) -> tuple[Tensor, Tensor, Tensor]:
    by_own = torch.empty_like(own) if needs_gradient else own.new_empty(0)
    return own.new_empty(len(own), 1), own.new_empty(len(own), 1), by_own


@other_anchors.register_fake
def _shape_of_others(own: Tensor, everyone: Tensor, totals: Tensor, first: int, temperature: float) -> Tensor:
    return torch.empty_like(own)
