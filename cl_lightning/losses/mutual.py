"""The stream of losses in which every embedding is an anchor and a candidate of all others.

A similarity is the same from both sides. So this rank's rows of logits also hold how the anchors of other
ranks score this rank's embeddings; all that is missing is those anchors' totals, a number or two each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.distributed import gather, rank, world_size
from cl_lightning.losses.streaming import (
    Rule,
    aligned,
    blocks_of,
    check_pairs,
    compute_dtype,
    filled,
    full_precision,
    powered,
    scaled,
    scored,
)
from cl_lightning.metrics.sphere import normalise


def among_views(
    z_a: Tensor,
    z_b: Tensor,
    temperature: float,
    rule: Rule,
    weight: Tensor | None = None,
    labels: Tensor | None = None,
) -> Tensor:
    """The mean loss of this rank's embeddings, both views as anchors, among the embeddings of all ranks.

    Views are [batch, dim], `weight` [2 batch, 1], `labels` int64 [2 batch * ranks]. The positive of an
    embedding is its image's other view, with this rank's `weight` for it; it counts as no negative. With
    `labels`, of all ranks' embeddings in their order, the positives are all other embeddings with its label;
    they count as negatives too, and the rule's `by_positive` has to be the same for all.

    The gradient by own embedding i is that of the sum of all ranks' losses. It takes for granted that the
    same gradient arrives from above on all ranks, as it does in DDP, with accumulation and loss scaling too.

    Memory: one block of logits, the gradient, and a copy of the embeddings of other ranks. The gradient is
    computed along with the loss, and backward merely scales it; so it cannot be differentiated again
    (RuntimeError). Raises ValueError for views that are empty or differ in shape.
    """
    check_pairs(z_a, z_b, "the views' embeddings")
    with torch.autocast(z_a.device.type, enabled=False):
        z = torch.cat([z_a, z_b])
        dtype = compute_dtype(z)
        everyone = normalise(gather(z.detach()), dtype)
        return _AmongViews.apply(normalise(z, dtype), everyone, labels, weight, temperature, *rule)


def check_two_images(z: Tensor) -> None:
    """Raises ValueError for a global batch in which an image has no negatives."""
    if len(z) * world_size() < 2:
        raise ValueError("one image has no negatives; accepted: at least two in a batch: see data.batch_size")


class _AmongViews(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        own: Tensor,
        everyone: Tensor,
        labels: Tensor | None,
        weight: Tensor | None,
        temperature: float,
        *rule: Any,
    ) -> Tensor:
        first, needed = rank() * len(own), ctx.needs_input_grad[0]
        losses, totals, by_own = own_anchors(own, everyone, labels, weight, first, temperature, needed, *rule)
        if needed and len(everyone) > len(own):
            others, totals = (without(x, first, len(own)) for x in (everyone, gather(totals)))
            by_own = by_own + other_anchors(own, others, totals, temperature, Rule(*rule).powers)
        ctx.save_for_backward(by_own)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (by_own,) = ctx.saved_tensors
        return scaled(by_own, upstream), *[None] * 7


def without(x: Tensor, first: int, rows: int) -> Tensor:
    return torch.cat([x[:first], x[first + rows :]])


@torch.library.custom_op("cl_lightning::own_anchors", mutates_args=())
def own_anchors(
    own: Tensor,
    everyone: Tensor,
    labels: Tensor | None,
    weight: Tensor | None,
    first: int,
    temperature: float,
    needs_gradient: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses [rows, 1] and totals [rows, powers] of the own rows, and what own anchors send back to them.

    The third is their mean loss's gradient by the own rows, [rows, dim], or empty. The own rows are those
    from number `first` of everyone's.
    """
    candidates = filled(everyone, aligned(len(everyone)))
    mine = slice(first, first + len(own))
    partners = torch.arange(first, first + len(own), device=own.device).roll(len(own) // 2)[:, None]
    losses, by_positive = own.new_empty(len(own), 1), own.new_empty(len(own), 1)
    totals = own.new_empty(len(own), len(powers))
    by_own = torch.zeros_like(own) if needs_gradient else own.new_empty(0)
    with full_precision(own.device.type):
        for block in blocks_of(len(own), len(candidates)):
            anchors, itself = own[block], first + block.start
            logits = (anchors / temperature) @ candidates.T
            # Out of the same product as the others, so that all are rounded alike.
            positive = logits.gather(1, partners[block])
            if labels is None:
                logits.scatter_(1, partners[block], -torch.inf)
            else:
                shares = _shares(labels, itself, len(anchors), own.dtype)
                # Differences, so that equal logits have exactly their mean.
                positive += (logits[:, : len(everyone)] - positive).mul_(shares).sum(1, keepdim=True)
            logits.diagonal(itself).fill_(-torch.inf)
            logits[:, len(everyone) :] = -torch.inf
            own_weight = None if weight is None else weight[block]
            negatives = len(everyone) - (2 if labels is None else 1)
            score, exp, factor = scored(logits, positive, negatives, own_weight, rule, powers, arguments)
            losses[block], by_positive[block], totals[block] = score
            if needs_gradient:
                by_own[block] += factor * (exp @ candidates)
                by_own.addmm_(exp[:, mine].T, factor * anchors)
                if labels is not None:  # each is anchor to its positives, and a positive of theirs
                    by_own[block] += 2 * score.by_positive * (shares @ everyone)
        if needs_gradient and labels is None:
            _add_partners(by_own, own, by_positive)
    return losses, totals, by_own.div_(len(own) * temperature)


def _shares(labels: Tensor, first: int, rows: int, dtype: torch.dtype) -> Tensor:
    """For each of some anchors 1 / their number for its positives, 0 for others and itself, [rows, all]."""
    same = labels[first : first + rows, None] == labels
    same.diagonal(first).fill_(False)
    return same.to(dtype).div_(same.sum(1, keepdim=True))


def _add_partners(by_own: Tensor, own: Tensor, by_positive: Tensor) -> None:
    """The positive pairs' part: an embedding is anchor to its partner, and its partner's positive."""
    half = len(own) // 2
    by_own += (by_positive + by_positive.roll(half, 0)) * own.roll(half, 0)


@torch.library.custom_op("cl_lightning::other_anchors", mutates_args=())
def other_anchors(
    own: Tensor, others: Tensor, totals: Tensor, temperature: float, powers: Sequence[float]
) -> Tensor:
    """What all other ranks' anchors, to which the own rows are negatives, send back to them, [rows, dim].

    `totals` are those anchors', [other rows, powers].
    """
    candidates = filled(others, aligned(len(others)))
    # Filled up like the candidates, whose rows of zeros add nothing to the product.
    totals = F.pad(totals.T, (0, len(candidates) - len(others)))[:, None]
    by_own = torch.empty_like(own)
    with full_precision(own.device.type):
        for block in blocks_of(len(own), len(candidates)):
            logits = powered((own[block] / temperature) @ candidates.T, powers)
            exps = (x.sub_(total).exp_() for x, total in zip(logits, totals, strict=True))
            by_own[block] = sum(a * (exp @ candidates) for a, exp in zip(powers, exps, strict=True))
    return by_own.div_(len(own) * temperature)


@own_anchors.register_fake
def _shapes_of_own(
    own: Tensor,
    everyone: Tensor,
    labels: Tensor | None,
    weight: Tensor | None,
    first: int,
    temperature: float,
    needs_gradient: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor]:
    by_own = torch.empty_like(own) if needs_gradient else own.new_empty(0)
    return own.new_empty(len(own), 1), own.new_empty(len(own), len(powers)), by_own


@other_anchors.register_fake
def _shape_of_others(
    own: Tensor, others: Tensor, totals: Tensor, temperature: float, powers: Sequence[float]
) -> Tensor:
    return torch.empty_like(own)
