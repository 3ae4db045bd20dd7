"""Candidates in pieces, and the products of anchors with one piece after another."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from cl_lightning.losses.streamed import blocks


class Piece(NamedTuple):
    """Some candidates.

    rows: they and rows of zeros, [rows, dim].
    real: which of the rows are candidates.
    start: which candidate row 0 is; below 0 in the first piece.
    """

    rows: Tensor
    real: slice
    start: int


class Pieces:
    """Candidates [many, dim] in pieces of the same shape, after room for the positives of a block of anchors.

    Matrix products of the same shape have the same rounding, so equal similarities stay equal, see
    `blocks.aligned`. Only the first and the last piece are copies.
    """

    def __init__(self, candidates: Tensor, anchors: int) -> None:
        many, room = len(candidates), blocks.aligned(anchors)
        most = max(blocks.PIECE_ROWS, 2 * room)  # so that no piece is without candidates
        rows = blocks.aligned(math.ceil((room + many) / math.ceil((room + many) / most)))
        in_head = min(rows - room, many)
        head = candidates.new_zeros(rows, candidates.shape[1])
        head[room : room + in_head] = candidates[:in_head]
        self.pieces = [Piece(head, slice(room, room + in_head), -room)]
        for start in range(in_head, many, rows):
            some = candidates[start : start + rows]
            self.pieces.append(Piece(blocks.filled(some, rows), slice(0, len(some)), start))
        self.buffer = candidates.new_empty(anchors, rows)  # made once, so that memory has no holes

    def products(self, anchors: Tensor, positives: Tensor) -> Iterator[tuple[Piece, Tensor]]:
        """Each piece and its products with anchors, [anchors, rows]; the next piece overwrites them.

        The first products start with those of the positives, one for each anchor, on their diagonal.
        """
        self.pieces[0].rows[: len(anchors)] = positives
        for piece in self.pieces:
            yield piece, torch.mm(anchors, piece.rows.T, out=self.buffer[: len(anchors)])
