"""Contrastive learning with hard negative samples (arXiv:2010.04592): near negatives have more weight."""

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
    among_views,
    check_positive,
    check_two_images,
    rule,
)


@rule
def hard_negatives(rows: Rows, temperature: float, beta: float, tau_plus: float) -> Score:
    """log(exp(s_p) + G) - s_p, in logarithms; see `hard_nt_xent` for G."""
    positive, log_n, log_rest = rows.positive, math.log(rows.negatives), math.log1p(-tau_plus)
    # R, the sum of the negatives by their weights: n sum exp((1 + beta) s) / sum exp(beta s).
    log_r = log_n + rows.sums[:, :1] - rows.sums[:, 1:] if beta else rows.sums
    # Of it exp(log_p) are false negatives, as many as there would be positives.
    log_p = positive + log_n + (math.log(tau_plus) if tau_plus else -math.inf)
    unclamped = log_r + torch.log(-torch.expm1((log_p - log_r).clamp(max=0))) - log_rest
    least = log_n - 1 / temperature
    log_g = unclamped.clamp(min=least)
    held = unclamped < least
    denominator = torch.logaddexp(positive, log_g) + log_rest
    by_false = torch.where(held, 0, (log_p - denominator).exp())
    return Score(
        losses=-F.logsigmoid(positive - log_g),
        by_positive=-torch.sigmoid(log_g - positive) - by_false,
        totals=torch.where(held, math.inf, rows.sums + denominator - log_r),
    )


def reach(negatives: int, temperature: float, tau_plus: float, **_: Any) -> Reach:
    right_angle = math.exp(-1 / temperature)
    competing = max((right_angle - tau_plus) / (1 - tau_plus), right_angle**2)
    return Reach(math.log1p(negatives), math.log1p(negatives * competing))


@reaches(reach)
def hard_nt_xent(
    z_a: Float[Tensor, "batch dim"],
    z_b: Float[Tensor, "batch dim"],
    temperature: float = 0.5,
    beta: float = 1.0,
    tau_plus: float = 0.1,
) -> Float[Tensor, ""]:
    """NT-Xent in which negatives have more weight the nearer they are (arXiv:2010.04592).

    l(i) = log(exp(s_p) + G) - s_p, where s are cosine similarities to embedding i divided by the temperature
    T, and p is the other view of its image. The n = 2N - 2 views of other images are the negatives:
    G = (R - tau_plus n exp(s_p)) / (1 - tau_plus), but at least n exp(-1 / T), as in the official code;
    R = sum over j of w_j exp(s_j), w_j = exp(beta s_j) / mean over k of exp(beta s_k). The loss is the mean
    of l(i) over all 2N embeddings i. Embeddings need not be normalised. The gradient flows through w too,
    and not through G where its lower bound holds.

    With several processes and under autocast it works as `nt_xent`, but each rank sends two numbers for each
    embedding.

    Args:
        beta: how much more weight near negatives have; 0: all have the same weight.
        tau_plus: assumed share of negatives that have the anchor's class; 0 with beta 0 is NT-Xent.

    Raises:
        ValueError: a temperature that is not positive, a beta below 0, a tau_plus below 0 or not below 1,
            views that are empty or differ in shape, a single image.
        RuntimeError: a second derivative.
    """
    rule = _rule(temperature, beta, tau_plus)
    check_two_images(z_a)
    return among_views(z_a, z_b, temperature, rule)


@reaches(reach)
def hard_info_nce(
    queries: Float[Tensor, "batch dim"],
    keys: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "length dim"],
    temperature: float = 0.2,
    beta: float = 1.0,
    tau_plus: float = 0.1,
    *,
    unit_keys: bool = False,
) -> Float[Tensor, ""]:
    """InfoNCE in which negatives have more weight the nearer they are (arXiv:2010.04592).

    l(i) as in `hard_nt_xent`, for query i, its key as the positive and all `negatives`; the loss is the mean
    of l(i) over the queries.

    Gradients, precision, `unit_keys` and errors as in `info_nce`; `beta`, `tau_plus` and their errors as in
    `hard_nt_xent`.

    Differs from the paper, which has no queue. The default temperature is MoCo v2's, 0.2 instead of 0.5.
    """
    rule = _rule(temperature, beta, tau_plus)
    return against_negatives(queries, keys, negatives, temperature, rule, unit_keys=unit_keys)


def _rule(temperature: float, beta: float, tau_plus: float) -> Rule:
    check_positive(temperature=temperature)
    if not (beta >= 0 and math.isfinite(beta)):
        raise ValueError(f"beta is {beta}; a finite number from 0 is accepted: set loss.beta")
    if not 0 <= tau_plus < 1:
        raise ValueError(f"tau_plus is {tau_plus}; a number from 0, below 1, is accepted: set loss.tau_plus")
    powers = (1 + beta, -beta) if beta else (1.0,)
    return Rule(hard_negatives.__name__, powers, (temperature, beta, tau_plus))
