"""Streaming of losses whose candidates are not their anchors: keys in a queue, or predictions."""

from typing import Any

import torch
from torch import Tensor

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.streamed.anchors import anchors_against
from cl_lightning.losses.streamed.blocks import compute_dtype
from cl_lightning.losses.streamed.checks import check_negatives, check_pairs
from cl_lightning.losses.streamed.directions import by_embeddings, directions, scaled
from cl_lightning.losses.streamed.negatives import gradient_as_negatives
from cl_lightning.losses.streamed.rules import Rule


def against_negatives(
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    temperature: float,
    rule: Rule,
    weight: Tensor | None = None,
    unit_keys: bool = False,
) -> Tensor:
    """The mean loss of queries against the negatives; the positive of a query is its own key, with `weight`.

    Queries and keys are [batch, dim], negatives [length, dim], `weight` is [batch, 1]. `unit_keys` declares
    that keys and negatives have unit length. Without it the logits are divided by their lengths, so that the
    negatives are not copied.

    All inputs that require a gradient get one.

    Memory: one block of logits, two pieces of the negatives, and the gradients; if the negatives require a
    gradient, a copy of them. Gradients are computed together with the loss, and backward only scales them, so
    there is no second derivative (RuntimeError). Raises ValueError for shapes that do not fit and for no
    negatives at all.
    """
    check_pairs(queries, keys, "queries and keys")
    check_negatives(negatives, queries.shape[1])
    with torch.autocast(queries.device.type, enabled=False):
        return _AgainstNegatives.apply(queries, keys, negatives, weight, unit_keys, temperature, *rule)


def against_predictions(anchors: Tensor, predictions: Tensor, temperature: float, rule: Rule) -> Tensor:
    """The mean loss of anchors against the predictions of all ranks; the positive is the own prediction.

    Both are [batch, dim]. Gradients, memory and errors as in `against_negatives`. The gradient of a
    prediction is that of the sum of all ranks' losses.
    """
    check_pairs(anchors, predictions, "neighbours and predictions")
    with torch.autocast(anchors.device.type, enabled=False):
        return _AgainstPredictions.apply(anchors, predictions, temperature, *rule)


class _AgainstNegatives(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        keys: Tensor,
        negatives: Tensor,
        weight: Tensor | None,
        unit_keys: bool,
        temperature: float,
        *rule: Any,
    ) -> Tensor:
        dtype, n = compute_dtype(queries, keys, negatives), len(queries)
        of_queries, of_keys, of_negatives = ctx.needs_input_grad[:3]
        unit, length = directions(queries, dtype)
        candidates = keys.to(dtype), negatives.to(dtype), unit_keys
        losses, by_positive, totals, by_unit = anchors_against(
            unit, *candidates, -1, weight, temperature, of_queries, *rule
        )
        gradients: list[Tensor | None] = [None] * 3
        if of_queries:
            gradients[0] = by_embeddings(by_unit, unit, length, n * temperature)
        if of_keys:
            gradients[1] = by_embeddings(by_positive * unit, *directions(keys, dtype), n * temperature)
        if of_negatives:
            rows = directions(negatives, dtype)
            by_rows = gradient_as_negatives(rows[0], unit, totals, -1, temperature, Rule(*rule).powers)
            gradients[2] = by_embeddings(by_rows, *rows, n * temperature)
        ctx.save_for_backward(*gradients)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if g is None else scaled(g, upstream) for g in ctx.saved_tensors), *[None] * 6


class _AgainstPredictions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, anchors: Tensor, predictions: Tensor, temperature: float, *rule: Any) -> Tensor:
        dtype, n = compute_dtype(anchors, predictions), len(anchors)
        of_anchors, of_predictions = ctx.needs_input_grad[:2]
        candidates, candidate_lengths = directions(gather(predictions), dtype)
        everyone, anchor_lengths = directions(gather(anchors), dtype)
        first = rank() * n
        mine = slice(first, first + n)
        unit, own = everyone[mine], candidates[mine]
        losses, by_positive, totals, by_unit = anchors_against(
            unit, own, candidates, True, first, None, temperature, of_anchors, *rule
        )
        gradients: list[Tensor | None] = [None] * 2
        if of_anchors:
            gradients[0] = by_embeddings(by_unit, unit, anchor_lengths[mine], n * temperature)
        if of_predictions:
            powers = Rule(*rule).powers
            by_own = gradient_as_negatives(own, everyone, gather(totals), first, temperature, powers)
            by_own.addcmul_(by_positive, unit)
            gradients[1] = by_embeddings(by_own, own, candidate_lengths[mine], n * temperature)
        ctx.save_for_backward(*gradients)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if g is None else scaled(g, upstream) for g in ctx.saved_tensors), *[None] * 4
