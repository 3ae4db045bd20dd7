"""Blocks of logits: they fit into a CPU's cache, in full precision, and all have the same rounding."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

# The number of logits in memory at a time: 1 MiB in float32, half of a CPU core's cache. With fewer rows
# than MIN_ROWS, blocks would read all candidates too often.
BLOCK_ELEMENTS = 2**18
MIN_ROWS = 128
ALIGNMENT = 64
PIECE_ROWS = 1024  # candidates of one matrix product, where these are not all


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
