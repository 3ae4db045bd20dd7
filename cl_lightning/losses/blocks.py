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
    positive: Tensor,
    excluded: Tensor,
    temperature: float,
    needs_anchors: bool,
    needs_candidates: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """`log_sum_exp.cross_entropy` and its gradients by the first two arguments (empty: not needed)."""
    n = len(anchors)
    losses = anchors.new_empty(n)
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_candidates = torch.zeros_like(candidates) if needs_candidates else candidates.new_empty(0)
    rows = max(MIN_ROWS, BLOCK_ELEMENTS // len(candidates))
    with _full_precision(anchors.device.type):
        for start in range(0, n, rows):
            block = slice(start, start + rows)
            logits = (anchors[block] / temperature) @ candidates.T
            losses[block], by_logit = _loss_and_gradient(logits, positive[block], excluded[block])
            by_cosine = by_logit.div_(n * temperature)
            if needs_anchors:
                d_anchors[block] = by_cosine @ candidates
            if needs_candidates:
                d_candidates.addmm_(by_cosine.T, anchors[block])
    return losses.mean(), d_anchors, d_candidates


@loss_and_gradients.register_fake
def _shapes(
    anchors: Tensor,
    candidates: Tensor,
    positive: Tensor,
    excluded: Tensor,
    temperature: float,
    needs_anchors: bool,
    needs_candidates: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    d_anchors = torch.empty_like(anchors) if needs_anchors else anchors.new_empty(0)
    d_candidates = torch.empty_like(candidates) if needs_candidates else candidates.new_empty(0)
    return anchors.new_empty(()), d_anchors, d_candidates


def _loss_and_gradient(logits: Tensor, positive: Tensor, excluded: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each row, and its gradient by the logits, in their place.

    The positive's logit comes out of the same product as the others, so that all are rounded alike.
    """
    own = logits.gather(1, positive[:, None])
    logits.scatter_(1, excluded, -torch.inf)
    # Finite also where every candidate is excluded.
    largest = logits.amax(1, keepdim=True).clamp_min_(torch.finfo(logits.dtype).min)
    exp = logits.sub_(largest).exp_()
    negatives = largest + exp.sum(1, keepdim=True).log_()
    probability = exp.mul_((largest - torch.logaddexp(own, negatives)).exp_())
    # The positive's own gradient is its probability - 1.
    probability.scatter_(1, positive[:, None], -torch.sigmoid(negatives - own))
    return -F.logsigmoid(own - negatives)[:, 0], probability


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
