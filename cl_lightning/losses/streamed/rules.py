"""What a loss computes from a row of logits.

A row of logits holds one anchor's similarities to its candidates, divided by the temperature. A loss needs
only a few numbers of a row: the logit of the positive and log-sum-exps of the negatives. From these, the
rule of the loss (`rule`) computes the anchor's loss, and the numbers for the gradient of each logit.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Rows(NamedTuple):
    """The input of a rule, for some anchors.

    positive: the positive's logit, s_p; the mean if there are several positives.
    sums: for each power a of the loss log(sum over negatives j of exp(|a| s_j)); -inf without negatives.
    negatives: the number of negatives of each anchor.
    weight: the weight of the positive; None means 1.
    """

    positive: Float[Tensor, "rows 1"]
    sums: Float[Tensor, "rows powers"]
    negatives: int
    weight: Float[Tensor, "rows 1"] | None


class Score(NamedTuple):
    """The output of a rule.

    losses: the loss of each anchor.
    by_positive: the derivative with respect to the positive's logit, only through `positive`.
    totals: t; the derivative with respect to a negative's logit s is the sum over powers a of
        a exp(|a| s - t_a).
    """

    losses: Float[Tensor, "rows 1"]
    by_positive: Float[Tensor, "rows 1"]
    totals: Float[Tensor, "rows powers"]


class Rule(NamedTuple):
    """A loss for streaming: the name of its rule, its powers, and the other arguments of the rule."""

    name: str
    powers: tuple[float, ...] = (1.0,)
    arguments: tuple[float, ...] = ()


RULES: dict[str, Callable[..., Score]] = {}


def rule(function: Callable[..., Score]) -> Callable[..., Score]:
    """Registers a rule by its name, because custom operators for torch.compile can't take functions."""
    RULES[function.__name__] = function
    return function


def scored(
    logits: Float[Tensor, "rows candidates"],
    positive: Float[Tensor, "rows 1"],
    negatives: int,
    weight: Float[Tensor, "rows 1"] | None,
    name: str,
    powers: Sequence[float],
    arguments: Sequence[float],
) -> tuple[Score, Float[Tensor, "rows candidates"], Float[Tensor, "rows 1"]]:
    """The score of some anchors, and G and f: f G is the gradient of their losses with respect to the logits.

    Logits of -inf do not count. G overwrites the logits. G and f are finite, also without negatives.
    """
    exps = powered(logits, powers)
    sums, largest = map(_side_by_side, zip(*map(log_sum_exp, exps), strict=True))
    score = RULES[name](Rows(positive, sums, negatives, weight), *arguments)
    factors = (largest - score.totals).exp_()
    if len(powers) == 1:
        return score, logits, factors if powers[0] == 1 else powers[0] * factors
    gradient = logits.mul_(powers[-1] * factors[:, -1:])
    for k, exp in enumerate(exps[:-1]):
        gradient.addcmul_(exp, factors[:, k, None], value=powers[k])
    return score, gradient, torch.ones_like(positive)


def _side_by_side(columns: tuple[Tensor, ...]) -> Tensor:
    return columns[0] if len(columns) == 1 else torch.cat(columns, dim=1)


def powered(logits: Tensor, powers: Sequence[float]) -> list[Tensor]:
    """For each power a the logits times |a|; the last result overwrites the logits."""
    copies = [*(logits.clone() for _ in powers[1:]), logits]
    return [x if abs(a) == 1 else x.mul_(abs(a)) for x, a in zip(copies, powers, strict=True)]


def log_sum_exp(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The log-sum-exp and the largest logit of each row, [rows, 1]; logits become exp(logits - largest).

    A logit of -inf does not count; the log-sum-exp of a row with only -inf is -inf.
    """
    # Finite, even if no logit counts.
    largest = logits.amax(1, keepdim=True).clamp_min_(torch.finfo(logits.dtype).min)
    exp = logits.sub_(largest).exp_()
    return largest + exp.sum(1, keepdim=True).log_(), largest
