"""How both losses stream: over blocks of anchors that hold all their candidates, in full precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

# Logits that are held at a time: 4 MiB in float32, about a CPU's cache. Blocks of fewer rows than MIN_ROWS
# would read all candidates too often.
BLOCK_ELEMENTS = 2**20
MIN_ROWS = 32
ALIGNMENT = 64


def blocks_of(anchors: int, candidates: int) -> Iterator[slice]:
    """The rows of all anchors in turn, as many at a time as their logits may be held."""
    rows = max(MIN_ROWS, BLOCK_ELEMENTS // candidates)
    for start in range(0, anchors, rows):
        yield slice(start, min(start + rows, anchors))


def aligned(candidates: Tensor) -> Tensor:
    """The candidates, filled up with rows of zeros, which no anchor may count.

    Matrix products round the last columns otherwise than whole blocks of them, and a temperature of 0.005
    makes 200 times of it: equal similarities have to stay equal.
    """
    more = -len(candidates) % ALIGNMENT
    return F.pad(candidates, (0, 0, 0, more)) if more else candidates


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
