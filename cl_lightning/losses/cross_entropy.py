"""Cross-entropy of the positive among all candidates: SimCLR's NT-Xent, MoCo's InfoNCE, and NNCLR's loss."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses.reach import Reach, reaches
from cl_lightning.losses.streamed import (
    Rows,
    Rule,
    Score,
    against_negatives,
    against_predictions,
    among_views,
    check_positive,
    rule,
)


@rule
def cross_entropy(rows: Rows) -> Score:
    """log(exp(s_p) + sum over negatives j of exp(s_j)) - s_p."""
    positive, negatives = rows.positive, rows.sums
    return Score(
        losses=-F.logsigmoid(positive - negatives),
        by_positive=-torch.sigmoid(negatives - positive),  # probability - 1, without loss of precision
        totals=torch.logaddexp(positive, negatives),
    )


CROSS_ENTROPY = Rule(cross_entropy.__name__)


def reach(negatives: int, temperature: float, **_: Any) -> Reach:
    return Reach(math.log1p(negatives), math.log1p(negatives * math.exp(-1 / temperature)))


@reaches(reach)
def nt_xent(
    z_a: Float[Tensor, "batch dim"], z_b: Float[Tensor, "batch dim"], temperature: float = 0.1
) -> Float[Tensor, ""]:
    """SimCLR's loss (arXiv:2002.05709, equation 1 and algorithm 1).

    Normalised temperature-scaled cross-entropy of two views of a batch: l(i, j) = -log(exp(s(i, j) / T) /
    sum over k != i of exp(s(i, k) / T)), where s is the cosine similarity, T the temperature, and i and j
    are the two views of one image. The loss is the mean of l(i, j) over all 2N embeddings i; k runs over the
    2N - 1 others. Embeddings need not be normalised.

    With several processes k runs over the embeddings of all ranks, and i over those of this rank. The mean
    over ranks of losses and gradients is then what one process would compute from the global batch. The
    shares must be equally large, and backward must start with the same gradient on all ranks, as in DDP.

    Each rank sends its embeddings once, in their dtype (under autocast bfloat16: 2 bytes for a number). Then
    it sends one float32 for each embedding, the log-sum-exp of its logits, and nothing in backward. Less is
    not possible: the gradient of an embedding is a weighted sum of all others, so each must reach every rank.
    The weight from another rank's anchor depends on all logits of this anchor, which only that rank computes.

    Computed in float32 under any autocast (in float64 if an input is), without ever storing the
    2N x 2N similarities. Raises ValueError for a temperature that is not positive and for views that are
    empty or differ in shape, RuntimeError for a second derivative.
    """
    check_positive(temperature=temperature)
    return among_views(z_a, z_b, temperature, CROSS_ENTROPY)


@reaches(reach)
def info_nce(
    queries: Float[Tensor, "batch dim"],
    keys: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "length dim"],
    temperature: float = 0.2,
    *,
    unit_keys: bool = False,
) -> Float[Tensor, ""]:
    """MoCo's loss (arXiv:1911.05722, equation 1).

    Cross-entropy of each query's own key against a queue of negatives: l(i) = -log(exp(q_i k_i / T) /
    (exp(q_i k_i / T) + sum over j of exp(q_i n_j / T))), where q, k and n are the normalised queries, keys
    and negatives and T is the temperature. The loss is the mean of l(i) over the queries. Inputs need not be
    normalised. The other keys of the batch are not negatives.

    All inputs that require a gradient get one; in MoCo only the queries do. Computed in float32 under any
    autocast (in float64 if an input is), without ever storing all similarities. Raises ValueError for
    a temperature that is not positive, for shapes that do not fit and if there are no negatives.

    `unit_keys` says that keys and negatives have unit length, as those of `NegativeQueue` do. It saves the
    time to compute their lengths, up to a fifth; the result is the same.

    Differs from the paper: the default temperature is MoCo v2's (arXiv:2003.04297), 0.2 instead of 0.07.
    """
    check_positive(temperature=temperature)
    return against_negatives(queries, keys, negatives, temperature, CROSS_ENTROPY, unit_keys=unit_keys)


@reaches(reach)
def neighbour_nce(
    neighbours: Float[Tensor, "batch dim"],
    predictions: Float[Tensor, "batch dim"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """NNCLR's loss (arXiv:2104.14548, equation 3).

    Cross-entropy of each image's prediction, from one view, for the nearest neighbour of its other view:
    l(i) = -log(exp(n_i p_i / T) / sum over k of exp(n_i p_k / T)), where n and p are the normalised
    neighbours and predictions and T is the temperature. The loss is the mean of l(i) over the neighbours.
    Inputs need not be normalised.

    With several processes k runs over the predictions of all ranks, and i over the neighbours of this rank.
    The mean over ranks of losses and gradients is then what one process would compute from the global batch,
    as in `nt_xent`. All inputs that require a gradient get one; in NNCLR only the predictions do. Each rank
    sends neighbours and predictions once, in their dtype, then one number for each neighbour.

    Computed in float32 under any autocast (in float64 if an input is), without ever storing all
    similarities. Raises ValueError for a temperature that is not positive and for inputs that are empty or
    differ in shape, RuntimeError for a second derivative.
    """
    check_positive(temperature=temperature)
    return against_predictions(neighbours, predictions, temperature, CROSS_ENTROPY)
