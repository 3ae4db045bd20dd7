"""What a loss computes from a row of logits.

A row of logits holds one anchor's similarities to its candidates, divided by the temperature. A loss needs
only a few numbers of a row: the logit of the positive and log-sum-exps of the negatives. From these, the
rule of the loss (`rule`) computes the anchor's loss, and the numbers for the gradient of each logit.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
    powers: Sequence[float] = (1.0,)
    arguments: Sequence[float] = ()

    def score(self, rows: Rows) -> Score:
        return RULES[self.name](rows, *self.arguments)


RULES: dict[str, Callable[..., Score]] = {}


def rule(function: Callable[..., Score]) -> Callable[..., Score]:
    """Registers a rule by its name, because custom operators for torch.compile can't take functions."""
    RULES[function.__name__] = function
    return function
