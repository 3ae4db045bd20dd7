"""Streaming of losses whose candidates are not their anchors: keys in a queue, or predictions."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.streamed.blocks import (
    PIECE_ROWS,
    Pieces,
    blocks_of,
    compute_dtype,
    full_precision,
    scaled,
)
from cl_lightning.losses.streamed.checks import check_negatives, check_pairs
from cl_lightning.losses.streamed.mutual import other_anchors, without
from cl_lightning.losses.streamed.rules import Rule, scored
from cl_lightning.metrics.sphere import normalise


def against_negatives(
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    temperature: float,
    rule: Rule,
    weight: Tensor | None = None,
) -> Tensor:
    """The mean loss of queries against the negatives; the positive of a query is its own key, with `weight`.

    Queries and keys are [batch, dim], negatives [length, dim], `weight` is [batch, 1].

    All inputs that require a gradient get one. Keys and negatives that require none are not normalised and
    copied; the logits are divided by their lengths instead.

    Memory: one block of logits, two pieces of the negatives, and the gradients. Gradients are computed
    together with the loss, and backward only scales them, so there is no second derivative (RuntimeError).
    Raises ValueError for shapes that do not fit and for no negatives at all.
    """
    check_pairs(queries, keys, "queries and keys")
    check_negatives(negatives, queries.shape[1])
    with torch.autocast(queries.device.type, enabled=False):
        dtype = compute_dtype(queries, keys, negatives)
        candidates = [keys.to(dtype), negatives.to(dtype)]
        if keys.requires_grad or negatives.requires_grad:
            candidates = [normalise(x, dtype) for x in candidates]
        return _Against.apply(normalise(queries, dtype), *candidates, None, weight, -1, temperature, *rule)


def against_predictions(
    anchors: Tensor,
    predictions: Tensor,
    temperature: float,
    rule: Rule,
) -> Tensor:
    """The mean loss of anchors against the predictions of all ranks; the positive is the own prediction.

    Both are [batch, dim]. Gradients, memory and errors as in `against_negatives`. The gradient of a
    prediction is that of the sum of all ranks' losses.
    """
    check_pairs(anchors, predictions, "neighbours and predictions")
    with torch.autocast(anchors.device.type, enabled=False):
        dtype = compute_dtype(anchors, predictions)
        candidates, all_anchors = (normalise(gather(x.detach()), dtype) for x in (predictions, anchors))
        own = (normalise(x, dtype) for x in (anchors, predictions))
        first = rank() * len(anchors)
        return _Against.apply(*own, candidates, all_anchors, None, first, temperature, *rule)


class _Against(torch.autograd.Function):
    """`all_anchors`: the anchors of all ranks, if the own positives are candidates, from row `first` on."""

    @staticmethod
    def forward(
        ctx: Any,
        anchors: Tensor,
        positives: Tensor,
        candidates: Tensor,
        all_anchors: Tensor | None,
        weight: Tensor | None,
        first: int,
        temperature: float,
        *rule: Any,
    ) -> Tensor:
        ctx.needed = ctx.needs_input_grad[:3]
        losses, totals, *gradients = own_against(
            anchors, positives, candidates, weight, first, temperature, *ctx.needed, *rule
        )
        if all_anchors is not None and ctx.needed[1] and len(all_anchors) > len(anchors):
            others, totals = (without(x, first, len(anchors)) for x in (all_anchors, gather(totals)))
            more = other_anchors(positives, others, totals, temperature, Rule(*rule).powers)
            gradients[1] = gradients[1] + more
        ctx.save_for_backward(*gradients)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = zip(ctx.needed, ctx.saved_tensors, strict=True)
        return *(scaled(g, upstream) if needed else None for needed, g in gradients), *[None] * 7


@torch.library.custom_op("cl_lightning::own_against", mutates_args=())
def own_against(
    anchors: Tensor,
    positives: Tensor,
    candidates: Tensor,
    weight: Tensor | None,
    first: int,
    temperature: float,
    needs_anchors: bool,
    needs_positives: bool,
    needs_candidates: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Losses [rows, 1], totals [rows, powers] and the mean loss's gradients by the first three arguments.

    Anchors have unit length. Of positives and candidates only the directions count, and the gradients are
    those with respect to unit rows. A gradient that is not needed is empty. If the positives are candidates
    too, from row `first` on, their gradient includes this part; otherwise `first` is -1.
    """
    n, negatives = len(anchors), len(candidates) - (first >= 0)
    losses, totals = anchors.new_empty(n, 1), anchors.new_empty(n, len(powers))
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_positives = torch.zeros_like(anchors) if needs_positives else anchors.new_empty(0)
    d_candidates = torch.zeros_like(candidates) if needs_candidates else anchors.new_empty(0)
    with full_precision(anchors.device.type):
        blocks = list(blocks_of(n, max(len(candidates), PIECE_ROWS)))
        pieces = Pieces(candidates, blocks[0].stop)
        for block in blocks:
            own = anchors[block]
            logits, positive = pieces.logits(own / temperature, positives[block])
            of_candidates = logits[:, pieces.room : pieces.room + len(candidates)]
            if first >= 0:
                of_candidates.diagonal(first + block.start).fill_(-torch.inf)
            own_weight = None if weight is None else weight[block]
            score, exp, factor = scored(logits, positive, negatives, own_weight, rule, powers, arguments)
            losses[block], by_positive, totals[block] = score
            if needs_positives:
                d_positives[block] += by_positive * own
                if first >= 0:
                    d_positives.addmm_(of_candidates[:, first : first + n].T, factor * own)
            if needs_candidates:
                d_candidates.addmm_(of_candidates.T, factor * own)
            if needs_anchors:
                d_anchors[block] = factor * pieces.weighted_sum(exp) + by_positive * normalise(
                    positives[block]
                )
    for gradient in (d_anchors, d_positives, d_candidates):
        gradient.div_(n * temperature)
    return losses, totals, d_anchors, d_positives, d_candidates


@own_against.register_fake
def _shapes(
    anchors: Tensor,
    positives: Tensor,
    candidates: Tensor,
    weight: Tensor | None,
    first: int,
    temperature: float,
    needs_anchors: bool,
    needs_positives: bool,
    needs_candidates: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    needed = (needs_anchors, needs_positives, needs_candidates)
    d_anchors, d_positives, d_candidates = (
        torch.empty_like(x) if needs else anchors.new_empty(0)
        for x, needs in zip((anchors, positives, candidates), needed, strict=True)
    )
    losses, totals = anchors.new_empty(len(anchors), 1), anchors.new_empty(len(anchors), len(powers))
    return losses, totals, d_anchors, d_positives, d_candidates
