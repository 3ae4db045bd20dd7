"""Decoupled contrastive learning (arXiv:2110.06848): the positive is not in the denominator."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.distributed import gather
from cl_lightning.losses.reach import Reach, reaches
from cl_lightning.losses.streamed import (
    Rows,
    Rule,
    Score,
    against_negatives,
    among_views,
    check_pairs,
    check_positive,
    check_two_images,
    compute_dtype,
    rule,
)
from cl_lightning.metrics.sphere import normalise


@rule
def decoupled(rows: Rows) -> Score:
    """log(sum over negatives j of exp(s_j)) - w s_p."""
    weight = torch.ones_like(rows.positive) if rows.weight is None else rows.weight
    return Score(losses=rows.sums - weight * rows.positive, by_positive=-weight, totals=rows.sums)


DECOUPLED = Rule(decoupled.__name__)


def reach(negatives: int, temperature: float, **_: Any) -> Reach:
    chance = math.log(negatives) if negatives else -math.inf
    return Reach(chance, chance - 1 / temperature)


@reaches(reach)
def dcl(
    z_a: Float[Tensor, "batch dim"],
    z_b: Float[Tensor, "batch dim"],
    temperature: float = 0.1,
    sigma: float | None = None,
) -> Float[Tensor, ""]:
    """NT-Xent without the positive in the denominator (arXiv:2110.06848).

    l(i) = -w_i s(i, p) / T + log(sum over j of exp(s(i, j) / T)), where s is the cosine similarity, T the
    temperature, p the other view of i's image, and j runs over all views of other images. The loss is the
    mean of l(i) over all 2N embeddings i. It falls below 0. Embeddings need not be normalised.

    w is 1 without `sigma`. With `sigma` (0.5 in the paper) dissimilar pairs have more weight:
    w_i = 2 - exp(c_i / sigma) / mean of exp(c / sigma), where c is the cosine of a pair and the mean is over
    the images of all ranks. No gradient flows through w.

    With several processes and under autocast it works as `nt_xent`; with `sigma` each rank also sends one
    number for each image. Raises ValueError for a temperature or sigma that is not positive, for views that
    are empty or differ in shape and for a single image, RuntimeError for a second derivative.
    """
    check_positive(temperature=temperature)
    check_two_images(z_a)
    weight = None if sigma is None else _weights(z_a, z_b, sigma).repeat(2, 1)
    return among_views(z_a, z_b, temperature, DECOUPLED, weight)


@reaches(reach)
def dcl_info_nce(
    queries: Float[Tensor, "batch dim"],
    keys: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "length dim"],
    temperature: float = 0.2,
    sigma: float | None = None,
    *,
    unit_keys: bool = False,
) -> Float[Tensor, ""]:
    """InfoNCE without the positive in the denominator against a queue (arXiv:2110.06848).

    l(i) = -w_i q_i k_i / T + log(sum over j of exp(q_i n_j / T)), where q, k and n are the normalised
    queries, keys and negatives and T is the temperature; w as in `dcl`. The loss is the mean of l(i) over
    the queries.

    Gradients, precision, `unit_keys` and errors as in `info_nce`; ValueError also for a sigma that is not
    positive.
    """
    check_positive(temperature=temperature)
    weight = None if sigma is None else _weights(queries, keys, sigma)
    return against_negatives(queries, keys, negatives, temperature, DECOUPLED, weight, unit_keys)


@torch.no_grad()
def _weights(a: Tensor, b: Tensor, sigma: float) -> Tensor:
    """w of each pair, [batch, 1]; in logarithms, so that it is finite at every sigma."""
    check_positive(sigma=sigma)
    check_pairs(a, b, "the positive pairs")
    dtype = compute_dtype(a, b)
    scores = (normalise(a, dtype) * normalise(b, dtype)).sum(1, keepdim=True) / sigma
    everyones = gather(scores)
    return 2 - (scores - everyones.logsumexp(0) + math.log(len(everyones))).exp()
