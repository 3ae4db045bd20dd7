"""How all losses stream: over blocks of anchors that hold all their candidates, in full precision.

A row of logits holds one anchor's similarities to its candidates, divided by the temperature. A loss sees
only a few numbers of it: the logit of the anchor's positive and log-sum-exps of its negatives. Its rule
(`rule`) makes the anchor's loss of these, and what the gradient of each logit needs besides that logit.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Logits that are held at a time: 4 MiB in float32, about a CPU's cache. Blocks of fewer rows than MIN_ROWS
# would read all candidates too often.
BLOCK_ELEMENTS = 2**20
MIN_ROWS = 32
ALIGNMENT = 64


class Rows(NamedTuple):
    """What a rule is told of some anchors.

    positive: the positive's logit, s_p; of several positives their mean.
    sums: for each power a of the loss log(sum over negatives j of exp(|a| s_j)); -inf without negatives.
    negatives: how many each anchor has.
    weight: of the positive; None: 1.
    """

    positive: Float[Tensor, "rows 1"]
    sums: Float[Tensor, "rows powers"]
    negatives: int
    weight: Float[Tensor, "rows 1"] | None


class Score(NamedTuple):
    """What a rule answers.

    losses: of each anchor.
    by_positive: the derivative by the positive's logit, through `positive` only.
    totals: t, by which the derivative by a negative's logit s is the sum over powers a of a exp(|a| s - t_a).
    """

    losses: Float[Tensor, "rows 1"]
    by_positive: Float[Tensor, "rows 1"]
    totals: Float[Tensor, "rows powers"]


class Rule(NamedTuple):
    """A loss as the streams take it: the name of its rule, its powers, and the rule's other arguments."""

    name: str
    powers: tuple[float, ...] = (1.0,)
    arguments: tuple[float, ...] = ()


RULES: dict[str, Callable[..., Score]] = {}


def rule(function: Callable[..., Score]) -> Callable[..., Score]:
    """Lets the streams find a rule by its name, as operators that torch.compile takes whole can't hold it."""
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
    """The score of some anchors, and G and f: f G is the gradient of their losses by the logits.

    Logits of -inf do not count. G lies where the logits were. Both are finite, also without negatives.
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
    """For each power a the logits times |a|; the last lies where the logits were."""
    copies = [*(logits.clone() for _ in powers[1:]), logits]
    return [x if abs(a) == 1 else x.mul_(abs(a)) for x, a in zip(copies, powers, strict=True)]


def log_sum_exp(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The log-sum-exp and the largest logit of each row, [rows, 1]; leaves exp(logits - largest) behind.

    A logit of -inf does not count; a row of nothing else has the log-sum-exp -inf.
    """
    # Finite also where nothing counts.
    largest = logits.amax(1, keepdim=True).clamp_min_(torch.finfo(logits.dtype).min)
    exp = logits.sub_(largest).exp_()
    return largest + exp.sum(1, keepdim=True).log_(), largest


def blocks_of(anchors: int, candidates: int) -> Iterator[slice]:
    """The rows of all anchors in turn, as many at a time as their logits may be held."""
    rows = max(MIN_ROWS, BLOCK_ELEMENTS // candidates)
    for start in range(0, anchors, rows):
        yield slice(start, min(start + rows, anchors))


def aligned(rows: int) -> int:
    """The next whole number of rows that matrix products round alike.

    They round the last columns otherwise than whole blocks of them, and a temperature of 0.005 makes 200
    times of it: equal similarities have to stay equal.
    """
    return rows + -rows % ALIGNMENT


def filled(candidates: Tensor, rows: int) -> Tensor:
    """The candidates and zeros, `rows` in all; no anchor may count the zeros."""
    return candidates if len(candidates) == rows else F.pad(candidates, (0, 0, 0, rows - len(candidates)))


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


def compute_dtype(*embeddings: Tensor) -> torch.dtype:
    """float32, or float64 where any of the embeddings is."""
    return functools.reduce(torch.promote_types, (z.dtype for z in embeddings), torch.float32)


def check_positive(**given: float) -> None:
    """Raises ValueError unless an argument of a loss, such as its temperature, is positive and finite."""
    for name, value in given.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} is {value}; a finite number above 0 is accepted: set loss.{name}")


def check_pairs(a: Tensor, b: Tensor, names: str) -> None:
    """Raises ValueError unless the embeddings of anchors and positives are rows of one shape."""
    if a.shape != b.shape or a.ndim != 2 or len(a) == 0:
        raise ValueError(
            f"{names} have the shapes {tuple(a.shape)} and {tuple(b.shape)}; accepted: two of one shape "
            "[batch, dim] with at least one row: see data.batch_size"
        )


def scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """A loss's gradient times what arrives from above; RuntimeError for a second derivative."""
    if torch.is_grad_enabled():
        raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
    return gradient * upstream
