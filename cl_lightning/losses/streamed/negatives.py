"""The gradient of candidates as negatives of anchors that are scored already, here or on other ranks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses.streamed.blocks import aligned, blocks_of, filled, full_precision
from cl_lightning.losses.streamed.operators import operator
from cl_lightning.losses.streamed.sums import exponents


def _shape(candidates: Tensor, *others: Any) -> Tensor:
    return torch.empty_like(candidates)


@operator(_shape)
def gradient_as_negatives(
    candidates: Tensor,
    anchors: Tensor,
    totals: Tensor,
    first: int,
    temperature: float,
    powers: Sequence[float],
) -> Tensor:
    """The gradient of the sum of all anchors' losses with respect to the candidates, times the temperature.

    It has the shape [candidates, dim]. All rows have unit length. `totals` are those of the anchors,
    [anchors, powers]. Candidate i is no negative of the anchor number `first` + i; if `first` is -1, all are
    negatives of all anchors.
    """
    everyone = filled(anchors, aligned(len(anchors)))
    # Padded like the anchors, whose rows of zeros do not change the product.
    totals = F.pad(totals.T, (0, len(everyone) - len(anchors)))[:, None]
    gradient = torch.empty_like(candidates)
    with full_precision(candidates.device.type):
        for block in blocks_of(len(candidates), len(everyone)):
            logits = (candidates[block] / temperature) @ everyone.T
            if first >= 0:
                logits.diagonal(first + block.start).fill_(-torch.inf)
            exps = (x.sub_(t).exp_() for x, t in zip(exponents(logits, powers), totals, strict=True))
            gradient[block] = sum(a * (exp @ everyone) for a, exp in zip(powers, exps, strict=True))
    return gradient
