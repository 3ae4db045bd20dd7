"""Blocks of logits: they fit into a CPU's cache, in full precision, and all have the same rounding."""

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.metrics.sphere import lengths

# The number of logits in memory at a time: 4 MiB in float32, about a CPU's cache. With fewer rows than
# MIN_ROWS, blocks would read all candidates too often.
BLOCK_ELEMENTS = 2**20
MIN_ROWS = 32
ALIGNMENT = 64
PIECE_ROWS = 8192  # candidates of one matrix product


def blocks_of(anchors: int, candidates: int) -> Iterator[slice]:
    """Slices of all anchors, each with as many rows as logits fit in memory."""
    rows = max(MIN_ROWS, BLOCK_ELEMENTS // candidates)
    for start in range(0, anchors, rows):
        yield slice(start, min(start + rows, anchors))


def aligned(rows: int) -> int:
    """The next number of rows for which matrix products have the same rounding everywhere.

    They round the last columns of an incomplete block in another way. A temperature of 0.005 would make this
    difference 200 times as large, but equal similarities must stay equal.
    """
    return rows + -rows % ALIGNMENT


def filled(candidates: Tensor, rows: int) -> Tensor:
    """The candidates, padded with zeros to `rows` rows; no anchor may count the zeros."""
    return candidates if len(candidates) == rows else F.pad(candidates, (0, 0, 0, rows - len(candidates)))


@contextmanager
def full_precision(device_type: str) -> Iterator[None]:
    """No autocast, and no TensorFloat-32 or bfloat16 inside float32 products."""
    backends = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        with torch.autocast(device_type, enabled=False):
            yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision


def compute_dtype(*embeddings: Tensor) -> torch.dtype:
    """float64 if one of the embeddings is float64, else float32."""
    return functools.reduce(torch.promote_types, (z.dtype for z in embeddings), torch.float32)


def scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """A loss's gradient times the incoming gradient; RuntimeError for a second derivative."""
    if torch.is_grad_enabled():
        raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
    return gradient * upstream


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
