"""The reach of a loss: the values between which it moves. Each loss declares it for the monitors."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Reach(NamedTuple):
    """Two values of a loss, for an anchor with one positive and some negatives.

    chance: the loss if all embeddings are equal (all similarities are 1): guessing.
    best: the loss if positives coincide (cosine 1) and all negatives are at right angles (cosine 0).
    """

    chance: float
    best: float


_DECLARED: dict[Callable[..., Any], Callable[..., Reach]] = {}


def reaches(reach: Callable[..., Reach]) -> Callable[[F], F]:
    """Declares a loss's reach, `reach(negatives, **arguments of the loss)`."""

    def declared(loss: F) -> F:
        _DECLARED[loss] = reach
        return loss

    return declared


def reach_of(loss: Callable[..., Any], negatives: int) -> Reach | None:
    """The reach of a loss, or of a `functools.partial` of it; None if the loss does not declare it.

    Args:
        loss: the loss; arguments that are not bound have their defaults.
        negatives: the number of negatives of an anchor.
    """
    plain = functools.partial(loss)
    if plain.func not in _DECLARED:
        return None
    arguments = inspect.signature(plain.func).bind_partial(*plain.args, **plain.keywords)
    arguments.apply_defaults()
    return _DECLARED[plain.func](negatives, **arguments.arguments)
