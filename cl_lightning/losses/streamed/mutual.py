"""Streaming of losses in which every embedding is an anchor, and a candidate of all other anchors.

Similarities are symmetric. So this rank's logits also contain the logits of other ranks' anchors with this
rank's embeddings. Only the totals of those anchors are missing, one or two numbers for each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.streamed.blocks import (
    aligned,
    blocks_of,
    compute_dtype,
    filled,
    full_precision,
    scaled,
)
from cl_lightning.losses.streamed.checks import check_pairs
from cl_lightning.losses.streamed.rules import Rule, powered, scored
from cl_lightning.metrics.sphere import normalise


def among_views(
    z_a: Tensor,
    z_b: Tensor,
    temperature: float,
    rule: Rule,
    weight: Tensor | None = None,
    labels: Tensor | None = None,
) -> Tensor:
    """The mean loss of this rank's embeddings (both views as anchors) against the embeddings of all ranks.

    Views are [batch, dim], `weight` [2 batch, 1], `labels` int64 [2 batch * ranks]. The positive of an
    embedding is the other view of its image, with its `weight`; it is not a negative. With `labels` (of the
    embeddings of all ranks, in order) the positives are all other embeddings with the same label. They are
    negatives too, and the rule's `by_positive` must be the same for all.

    The gradient of an own embedding is that of the sum of all ranks' losses. This assumes that backward
    starts with the same gradient on all ranks, as in DDP, also with accumulation and loss scaling.

    Memory: one block of logits, the gradient, and a copy of the embeddings of other ranks. The gradient is
    computed together with the loss, and backward only scales it, so there is no second derivative
    (RuntimeError). Raises ValueError for views that are empty or differ in shape.
    """
    check_pairs(z_a, z_b, "the views' embeddings")
    with torch.autocast(z_a.device.type, enabled=False):
        z = torch.cat([z_a, z_b])
        dtype = compute_dtype(z)
        everyone = normalise(gather(z.detach()), dtype)
        return _AmongViews.apply(normalise(z, dtype), everyone, labels, weight, temperature, *rule)


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
    """Losses [rows, 1] and totals [rows, powers] of this rank's anchors, and a gradient.

    The gradient is that of their mean loss with respect to this rank's rows, [rows, dim], or empty. This
    rank's rows are those from number `first` in `everyone`.
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
            # Taken from the same product as the others, so that all have the same rounding.
            positive = logits.gather(1, partners[block])
            if labels is None:
                logits.scatter_(1, partners[block], -torch.inf)
            else:
                shares = _shares(labels, itself, len(anchors), own.dtype)
                # A mean of differences, so that the mean of equal logits is exact.
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
                if labels is not None:  # each is an anchor of its positives, and their positive
                    by_own[block] += 2 * score.by_positive * (shares @ everyone)
        if needs_gradient and labels is None:
            _add_partners(by_own, own, by_positive)
    return losses, totals, by_own.div_(len(own) * temperature)


def _shares(labels: Tensor, first: int, rows: int, dtype: torch.dtype) -> Tensor:
    """For each anchor: 1 / (number of positives) for each positive, 0 for all others, [rows, all]."""
    same = labels[first : first + rows, None] == labels
    same.diagonal(first).fill_(False)
    return same.to(dtype).div_(same.sum(1, keepdim=True))


def _add_partners(by_own: Tensor, own: Tensor, by_positive: Tensor) -> None:
    """Add the gradient of positive pairs: an embedding is its partner's anchor and its partner's positive."""
    half = len(own) // 2
    by_own += (by_positive + by_positive.roll(half, 0)) * own.roll(half, 0)


@torch.library.custom_op("cl_lightning::other_anchors", mutates_args=())
def other_anchors(
    own: Tensor, others: Tensor, totals: Tensor, temperature: float, powers: Sequence[float]
) -> Tensor:
    """The gradient of this rank's rows, as negatives of other ranks' anchors, [rows, dim].

    `totals` are the totals of those anchors, [other rows, powers].
    """
    candidates = filled(others, aligned(len(others)))
    # Padded like the candidates, whose rows of zeros do not change the product.
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
