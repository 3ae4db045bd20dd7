"""Loss and gradients of the core, without autograd: one operator, which a fused kernel can replace.

A block of rows holds all its candidates, so that its log-sum-exp is final at once and its gradient
follows without a second look. torch.compile takes the operator as it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

# Logits that are held at a time: 4 MiB in float32, about a CPU's cache. Blocks of fewer rows than MIN_ROWS
# would read all candidates too often.
BLOCK_ELEMENTS = 2**20
MIN_ROWS = 32


@torch.library.custom_op("cl_lightning::cross_entropy", mutates_args=())
def loss_and_gradients(
    anchors: Tensor,
    candidates: Tensor,
    positive_logits: Tensor,
    temperature: float,
    excluded: Tensor | None,
    needs_anchors: bool,
    needs_candidates: bool,
    needs_positives: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`log_sum_exp.cross_entropy` and its gradients by the first three arguments (empty: not needed)."""
    n = len(anchors)
    rows = max(MIN_ROWS, BLOCK_ELEMENTS // len(candidates))
    negatives = torch.empty_like(positive_logits)
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_candidates = torch.zeros_like(candidates) if needs_candidates else anchors.new_empty(0)
    with _full_precision(anchors.device.type):
        for start in range(0, n, rows):
            block = slice(start, start + rows)
            logits = (anchors[block] / temperature) @ candidates.T
            if excluded is not None:
                logits.scatter_(1, excluded[block], -torch.inf)
            exp, largest, negatives[block] = _log_sum_exp(logits)
            # exp * share is the probability of each candidate, over n T: the gradient by its cosine.
            total = torch.logaddexp(negatives[block], positive_logits[block])
            share = (largest - total).exp_().div_(n * temperature)[:, None]
            if needs_anchors:
                d_anchors[block] = (exp @ candidates).mul_(share)
            if needs_candidates:
                d_candidates.addmm_(exp.T, anchors[block] * share)
    margin = positive_logits - negatives
    d_positives = torch.sigmoid(-margin).div_(-n) if needs_positives else anchors.new_empty(0)
    return -F.logsigmoid(margin).mean(), d_anchors, d_candidates, d_positives


@loss_and_gradients.register_fake
def _shapes(
    anchors: Tensor,
    candidates: Tensor,
    positive_logits: Tensor,
    temperature: float,
    excluded: Tensor | None,
    needs_anchors: bool,
    needs_candidates: bool,
    needs_positives: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    inputs = (anchors, candidates, positive_logits)
    needed = (needs_anchors, needs_candidates, needs_positives)
    first, second, third = (
        torch.empty_like(x) if need else x.new_empty(0) for x, need in zip(inputs, needed, strict=True)
    )
    return anchors.new_empty(()), first, second, third


def _log_sum_exp(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """exp(logits - largest) in the place of the logits, the largest of each row, and log-sum-exp."""
    # Finite also where all candidates of a row are excluded.
    largest = logits.amax(1).clamp_min_(torch.finfo(logits.dtype).min)
    exp = logits.sub_(largest[:, None]).exp_()
    return exp, largest, largest + exp.sum(1).log_()


@contextmanager
def _full_precision(device_type: str) -> Iterator[None]:
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
