"""The stream over pieces of the candidates: losses of anchors, and the anchors' gradient."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from cl_lightning.losses.streamed.blocks import PIECE_ROWS, blocks_of, full_precision
from cl_lightning.losses.streamed.operators import operator
from cl_lightning.losses.streamed.pieces import Piece, Pieces
from cl_lightning.losses.streamed.rules import Rule
from cl_lightning.losses.streamed.sums import ExponentialSum, exponents, scored
from cl_lightning.metrics.sphere import lengths


def _shapes(
    anchors: Tensor,
    positives: Tensor,
    candidates: Tensor,
    unit: bool,
    first: int,
    weight: Tensor | None,
    temperature: float,
    needs_gradient: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    by_anchors = torch.empty_like(anchors) if needs_gradient else anchors.new_empty(0)
    losses, by_positive = anchors.new_empty(len(anchors), 1), anchors.new_empty(len(anchors), 1)
    return losses, by_positive, anchors.new_empty(len(anchors), len(powers)), by_anchors


@operator(_shapes)
def anchors_against(
    anchors: Tensor,
    positives: Tensor,
    candidates: Tensor,
    unit: bool,
    first: int,
    weight: Tensor | None,
    temperature: float,
    needs_gradient: bool,
    rule: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The losses of anchors, [rows, 1], what their gradients need, and the anchors' gradient.

    Returns the losses; their derivatives by the positives' logits, [rows, 1]; totals, [rows, powers]; and
    the gradient of their sum with respect to the anchors, times the temperature, [rows, dim] or empty.

    Anchors have unit length, positives and candidates only if `unit`; otherwise their directions count. If
    the positives are candidates too, these are those from number `first` on; otherwise `first` is -1.
    """
    negatives, own_rule = len(candidates) - (first >= 0), Rule(rule, powers, arguments)
    losses, by_positive = anchors.new_empty(len(anchors), 1), anchors.new_empty(len(anchors), 1)
    totals = anchors.new_empty(len(anchors), len(powers))
    by_anchors = torch.empty_like(anchors) if needs_gradient else anchors.new_empty(0)
    with full_precision(anchors.device.type):
        blocks = list(blocks_of(len(anchors), PIECE_ROWS))
        pieces = Pieces(candidates, blocks[0].stop)
        for block in blocks:
            sums = [ExponentialSum(anchors[block], a, temperature) for a in powers]
            of_own = positives[block]
            products = pieces.products(anchors[block] / temperature, of_own)
            itself = first + block.start if first >= 0 else None
            positive = _add(products, unit, itself, sums, powers, needs_gradient)
            if not unit:
                inverse = lengths(of_own).reciprocal_()
                positive, of_own = positive * inverse, of_own * inverse
            own_weight = None if weight is None else weight[block]
            score, factors = scored(sums, positive, negatives, own_weight, own_rule)
            losses[block], by_positive[block], totals[block] = score
            if needs_gradient:
                by_own = torch.mul(score.by_positive, of_own, out=by_anchors[block])
                for total, factor in zip(sums, factors, strict=True):
                    total.add_weighted(by_own, factor)
    return losses, by_positive, totals, by_anchors


def _add(
    products: Iterator[tuple[Piece, Tensor]],
    unit: bool,
    itself: int | None,
    sums: Sequence[ExponentialSum],
    powers: Sequence[float],
    weigh: bool,
) -> Tensor:
    """Add all candidates to the sums of some anchors, except those from `itself` on, one for each anchor.

    Returns the products of anchors and positives, [rows, 1], rounded as those of the candidates.
    """
    for piece, logits in products:
        if piece.start < 0:
            of_positives = logits.diagonal()[:, None].clone()
        if itself is not None:
            logits.diagonal(itself - piece.start).fill_(-torch.inf)
        logits, candidates = logits[:, piece.real], piece.rows[piece.real]
        inverse = None if unit else lengths(candidates)[:, 0].reciprocal_()
        for total, x in zip(sums, exponents(_times(logits, inverse), powers), strict=True):
            exp = total.add(x)
            if weigh:
                total.weigh(_times(exp, inverse), candidates)
    return of_positives


def _times(x: Tensor, inverse: Tensor | None) -> Tensor:
    """x times 1 / lengths, in place; unchanged if there are none."""
    return x if inverse is None else x.mul_(inverse)
