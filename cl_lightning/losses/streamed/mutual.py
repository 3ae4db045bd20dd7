"""Streaming of losses in which every embedding is an anchor, and a candidate of all other anchors.

Similarities are symmetric. So this rank's logits also contain the logits of other ranks' anchors with this
rank's embeddings. Only the totals of those anchors are missing, one or two numbers for each.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.streamed.blocks import (
    aligned,
    blocks_of,
    compute_dtype,
    filled,
    full_precision,
)
from cl_lightning.losses.streamed.checks import check_pairs
from cl_lightning.losses.streamed.directions import by_embeddings, directions, scaled
from cl_lightning.losses.streamed.negatives import gradient_as_negatives
from cl_lightning.losses.streamed.operators import operator
from cl_lightning.losses.streamed.rules import Rule
from cl_lightning.losses.streamed.sums import ExponentialSum, exponents, scored


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

    Memory: one block of logits, the gradient, and a copy of the embeddings of all ranks. The gradient is
    computed together with the loss, and backward only scales it, so there is no second derivative
    (RuntimeError). Raises ValueError for views that are empty or differ in shape.
    """
    check_pairs(z_a, z_b, "the views' embeddings")
    with torch.autocast(z_a.device.type, enabled=False):
        return _AmongViews.apply(z_a, z_b, labels, weight, temperature, *rule)


class _AmongViews(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        z_a: Tensor,
        z_b: Tensor,
        labels: Tensor | None,
        weight: Tensor | None,
        temperature: float,
        *rule: Any,
    ) -> Tensor:
        z = torch.cat([z_a, z_b])
        everyone, length = directions(gather(z), compute_dtype(z))
        first, needed = rank() * len(z), any(ctx.needs_input_grad[:2])
        mine = slice(first, first + len(z))
        own = everyone[mine]
        losses, totals, by_own = own_anchors(own, everyone, labels, weight, first, temperature, needed, *rule)
        if needed:
            if len(everyone) > len(z):
                others, of_others = (_without(x, mine) for x in (everyone, gather(totals)))
                powers = Rule(*rule).powers
                by_own = by_own + gradient_as_negatives(own, others, of_others, -1, temperature, powers)
            ctx.save_for_backward(by_embeddings(by_own, own, length[mine], len(z) * temperature))
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return *scaled(gradient, upstream).chunk(2), *[None] * 6


def _without(x: Tensor, rows: slice) -> Tensor:
    return torch.cat([x[: rows.start], x[rows.stop :]])


def _shapes(
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


@operator(_shapes)
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

    The gradient, times the temperature, is that of the sum of their losses with respect to this rank's rows,
    [rows, dim], or empty. This rank's rows are those from number `first` in `everyone`.
    """
    candidates = filled(everyone, aligned(len(everyone)))
    mine = slice(first, first + len(own))
    partners = torch.arange(first, first + len(own), device=own.device).roll(len(own) // 2)[:, None]
    losses, by_positive = own.new_empty(len(own), 1), own.new_empty(len(own), 1)
    totals = own.new_empty(len(own), len(powers))
    by_own = torch.zeros_like(own) if needs_gradient else own.new_empty(0)
    negatives = len(everyone) - (2 if labels is None else 1)
    with full_precision(own.device.type):
        blocks = list(blocks_of(len(own), len(candidates)))
        buffer = own.new_empty(blocks[0].stop, len(candidates))  # made once, so that memory has no holes
        for block in blocks:
            anchors, itself = own[block], first + block.start
            logits = torch.mm(anchors / temperature, candidates.T, out=buffer[: len(anchors)])
            # Taken from the same product as the others, so that all have the same rounding.
            positive = logits.gather(1, partners[block])
            if labels is None:
                logits.scatter_(1, partners[block], -torch.inf)
            else:
                shares = _shares(labels, itself, len(anchors), own.dtype)
                # A mean of differences, so that the mean of equal logits is exact.
                positive += (logits[:, : len(everyone)] - positive).mul_(shares).sum(1, keepdim=True)
            logits.diagonal(itself).fill_(-torch.inf)
            if len(everyone) < len(candidates):
                logits[:, len(everyone) :] = -torch.inf
            sums = [ExponentialSum(anchors, a, temperature) for a in powers]
            exps = [s.add(x) for s, x in zip(sums, exponents(logits, powers), strict=True)]
            own_weight = None if weight is None else weight[block]
            score, factors = scored(sums, positive, negatives, own_weight, Rule(rule, powers, arguments))
            losses[block], by_positive[block], totals[block] = score
            if needs_gradient:
                by_logits, factor = _combined(exps, factors)
                by_own[block].addcmul_(factor, by_logits @ candidates)
                by_own.addmm_(by_logits[:, mine].T, factor * anchors)
                if labels is not None:  # each is an anchor of its positives, and their positive
                    by_own[block] += 2 * score.by_positive * (shares @ everyone)
        if needs_gradient and labels is None:
            _add_partners(by_own, own, by_positive)
    return losses, totals, by_own


def _combined(exps: list[Tensor], factors: list[Tensor]) -> tuple[Tensor, Tensor]:
    """G and f, so that f G is the sum of exponentials times their factors; G overwrites the last of them."""
    if len(exps) == 1:
        return exps[0], factors[0]
    gradient = exps[-1].mul_(factors[-1])
    for exp, factor in zip(exps[:-1], factors[:-1], strict=True):
        gradient.addcmul_(exp, factor)
    return gradient, torch.ones_like(factors[0])


def _shares(labels: Tensor, first: int, rows: int, dtype: torch.dtype) -> Tensor:
    """For each anchor: 1 / (number of positives) for each positive, 0 for all others, [rows, all]."""
    same = labels[first : first + rows, None] == labels
    same.diagonal(first).fill_(False)
    return same.to(dtype).div_(same.sum(1, keepdim=True))


def _add_partners(by_own: Tensor, own: Tensor, by_positive: Tensor) -> None:
    """Add the gradient of positive pairs: an embedding is its partner's anchor and its partner's positive."""
    half = len(own) // 2
    by_own.addcmul_(by_positive + by_positive.roll(half, 0), own.roll(half, 0))
