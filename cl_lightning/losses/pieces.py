"""Splits many candidates, such as a queue, into pieces for matrix products."""

import math

import torch
from torch import Tensor

from cl_lightning.losses.streaming import aligned, filled
from cl_lightning.metrics.sphere import lengths

PIECE_ROWS = 8192  # candidates of one matrix product


class Pieces:
    """Candidates of any length, after the positives of a block, in pieces of the same shape.

    Matrix products of the same shape have the same rounding, so equal similarities stay equal, see `aligned`.
    Only the first and the last piece are copies.
    """

    def __init__(self, candidates: Tensor, block: int) -> None:
        self.room, many = aligned(block), len(candidates)  # room: for the positives
        self.end = self.room + many
        self.rows = aligned(math.ceil(self.end / math.ceil(self.end / PIECE_ROWS)))
        in_head = min(self.rows - self.room, many)
        self.head = candidates.new_zeros(self.rows, candidates.shape[1])
        self.head[self.room : self.room + in_head] = candidates[:in_head]
        later = candidates[in_head:].split(self.rows) if in_head < many else ()
        self.pieces = [self.head, *(filled(piece, self.rows) for piece in later)]
        self.inverse = candidates.new_ones(len(self.pieces) * self.rows)
        self.inverse[self.room : self.end] = lengths(candidates)[:, 0].reciprocal_()
        self.buffer = candidates.new_empty(block, len(self.inverse))

    def logits(self, anchors: Tensor, positives: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of some anchors, [rows, all pieces], and of their positives, [rows, 1].

        The former are -inf except for the candidates, which are the columns from `room` to `end`.
        """
        self.head[: len(positives)] = positives
        self.inverse[: len(positives)] = lengths(positives)[:, 0].reciprocal_()
        logits = self.buffer[: len(anchors)]
        for columns, piece in zip(logits.split(self.rows, dim=1), self.pieces, strict=True):
            torch.mm(anchors, piece.T, out=columns)
        logits.mul_(self.inverse)
        positive = logits.diagonal()[:, None].clone()
        logits[:, : self.room] = -torch.inf
        logits[:, self.end :] = -torch.inf
        return logits, positive

    def weighted_sum(self, weights: Tensor) -> Tensor:
        """The weighted sum of the candidates' directions. Changes `weights` [rows, all pieces]."""
        parts = zip(weights.mul_(self.inverse).split(self.rows, dim=1), self.pieces, strict=True)
        columns, piece = next(parts)
        total = columns @ piece
        for columns, piece in parts:
            total.addmm_(columns, piece)
        return total
