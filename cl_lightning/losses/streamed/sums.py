"""Sums of exponentials of some anchors' logits, over all candidates or one piece of them after another."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.losses.streamed.rules import Rows, Rule, Score

# Between exp(-60) and exp(60), float32 neither overflows nor loses precision, in sums over many rows either.
LARGEST_EXPONENT = 60


class ExponentialSum:
    """For some anchors: the sum over candidates j of exp(x_j - shift), `total`, [rows, 1].

    x_j is |a| times the logit, for a power a of the loss. A logit is a cosine divided by the temperature. The
    shift is the largest x_j so far, or None (0) where all exponentials are in range without it. `weighted` is
    the sum of candidates with the exponentials as weights, [rows, dim].
    """

    def __init__(self, anchors: Float[Tensor, "rows dim"], power: float, temperature: float) -> None:
        in_range = abs(power) <= LARGEST_EXPONENT * temperature
        lowest = torch.finfo(anchors.dtype).min
        self.shift = None if in_range else anchors.new_full((len(anchors), 1), lowest)
        self.total: Tensor | None = None
        self.weighted: Tensor | None = None

    def add(self, x: Float[Tensor, "rows candidates"]) -> Float[Tensor, "rows candidates"]:
        """Add candidates, and overwrite x by exp(x - shift); an x of -inf does not count."""
        if self.shift is not None:
            self.shift = self._moved(self.shift, x)
        total = x.exp_().sum(1, keepdim=True)
        self.total = total if self.total is None else self.total.add_(total)
        return x

    def weigh(
        self, exp: Float[Tensor, "rows candidates"], candidates: Float[Tensor, "candidates dim"]
    ) -> None:
        """Add candidates to `weighted`."""
        self.weighted = exp @ candidates if self.weighted is None else self.weighted.addmm_(exp, candidates)

    def _moved(self, before: Tensor, x: Tensor) -> Tensor:
        """The next shift; it is applied to x and to earlier sums."""
        shift = torch.maximum(before, x.amax(1, keepdim=True))  # finite, even if no x counts
        for earlier in (self.total, self.weighted):
            if earlier is not None:
                earlier.mul_((before - shift).exp_())
        x.sub_(shift)
        return shift

    def log(self) -> Float[Tensor, "rows 1"]:
        """The log-sum-exp of x; -inf without candidates."""
        assert self.total is not None, "candidates were added"
        return self.total.log() if self.shift is None else self.shift + self.total.log()

    def factor(self, total: Float[Tensor, "rows 1"]) -> Float[Tensor, "rows 1"]:
        """By which exp(x - shift) becomes exp(x - total)."""
        return (-total if self.shift is None else self.shift - total).exp_()

    def add_weighted(self, gradient: Float[Tensor, "rows dim"], factor: Float[Tensor, "rows 1"]) -> None:
        """Add `weighted` times a factor to a gradient."""
        assert self.weighted is not None, "candidates were weighed"
        gradient.addcmul_(factor, self.weighted)


def exponents(logits: Tensor, powers: Sequence[float]) -> list[Tensor]:
    """For each power a the logits times |a|; the last result overwrites the logits."""
    copies = [*(logits.clone() for _ in powers[1:]), logits]
    return [x if abs(a) == 1 else x.mul_(abs(a)) for x, a in zip(copies, powers, strict=True)]


def scored(
    sums: Sequence[ExponentialSum], positive: Tensor, negatives: int, weight: Tensor | None, rule: Rule
) -> tuple[Score, list[Tensor]]:
    """The score of some anchors, and f of each power.

    f exp(x - shift) is the derivative of the anchor's loss with respect to the logit of a negative, summed
    over powers.
    """
    score = rule.score(Rows(positive, _side_by_side([total.log() for total in sums]), negatives, weight))
    totals = score.totals.split(1, dim=1)
    factors = [s.factor(t) for s, t in zip(sums, totals, strict=True)]
    return score, [f if a == 1 else a * f for a, f in zip(rule.powers, factors, strict=True)]


def _side_by_side(columns: list[Tensor]) -> Tensor:
    return columns[0] if len(columns) == 1 else torch.cat(columns, dim=1)
