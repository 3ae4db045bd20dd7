"""Conditions: what can go wrong in a run, and how it is detected.

Each condition returns its message if it holds. A condition that was already reported (`told`) holds until the
statistics are clearly beyond the limit, so that noise around the limit does not end it.
"""

import math
from collections.abc import Callable

from cl_lightning.callbacks.health.statistics import LEAST_STEPS, EpochStatistics

# The limit before a condition is reported, and after.
COLLAPSED_SPREAD = (0.01, 0.05)
LOW_RANK = (1.0, 1.5)  # factors on the limit, which depends on the dimension
UNMOVED = (0.01, 0.02)
FALLEN = (0.01, 0.05)  # as a share of the first loss
RISING = 1.1  # if a value rises by a larger factor in an epoch, it recovers
# Shares of the loss of guessing: above the first a loss is no better than guessing, below the second it is.
AT_CHANCE, BELOW_CHANCE = 0.98, 0.9
BLOWN_UP = 3.0  # the last layer moved by so many times its length
LEAST_FALL = 0.2  # nats


def not_finite(r: EpochStatistics, told: bool) -> str | None:
    if math.isfinite(r.loss):
        return None
    return (
        f"the loss is {r.loss}: training has diverged; the learning rate's peak is {r.lr:.2g}. Try a smaller "
        "optimizer.lr, a longer schedule.warmup_epochs or trainer.gradient_clip_val"
    )


def collapsed(r: EpochStatistics, told: bool) -> bool:
    return r.shapes_known and r.spread < COLLAPSED_SPREAD[told]


def one_point(r: EpochStatistics, told: bool) -> str | None:
    recovers = not told and r.spread > RISING * r.first_spread
    if not collapsed(r, told) or recovers:
        return None
    return (
        f"all embeddings have collapsed towards one point: embedding_std is {r.embedding_std:.2g}, but an "
        f"even spread has {r.dim**-0.5:.2g}. Try a smaller optimizer.lr, a longer schedule.warmup_epochs, "
        "encoder.projector_batch_norm=true or encoder.batch_norm=sync; a loss of your own must push "
        "negatives apart"
    )


def hot(r: EpochStatistics, told: bool) -> str | None:
    if r.best is None or r.negatives is None or r.chance - r.best >= min(LEAST_FALL, 0.1 * r.chance):
        return None
    return (
        f"the loss is {r.loss:.4g} and cannot fall: perfect embeddings have {r.best:.4g}, guessing among "
        f"{r.negatives + 1:,} candidates has {r.chance:.4g}. Try a lower loss.temperature, such as 0.1 to 0.5"
    )


def fell_back(r: EpochStatistics, told: bool) -> str | None:
    came_back = r.lowest_loss < BELOW_CHANCE * r.chance < math.inf
    limit = BELOW_CHANCE if told else AT_CHANCE
    at_chance = r.steps >= LEAST_STEPS and r.loss >= limit * r.chance
    if not at_chance or not (told or came_back or r.moved > BLOWN_UP):
        return None
    moved = f"the last layer moved {r.moved:.2g} times its length"
    was = f"it was {r.lowest_loss:.3g}" if came_back else moved
    return (
        f"the loss is {r.loss:.3g}, that of guessing ({r.chance:.3g}), though {was}: the learning rate, "
        f"{r.lr:.2g} at its peak, is too high. Try a smaller optimizer.lr or a longer schedule.warmup_epochs"
    )


def few_directions(r: EpochStatistics, told: bool) -> str | None:
    limit = min(max(1.5, r.dim / 50), 3) * LOW_RANK[told]
    if not r.shapes_known or r.dim < 4 or r.rank >= limit:
        return None
    # If all embeddings are nearly equal, their directions are only rounding errors.
    if not told and (r.rank > RISING * r.first_rank or collapsed(r, told)):
        return None
    return (
        f"the embeddings have a low rank: around their mean they use {r.rank:.2g} of {r.dim} directions. Try "
        "a smaller optimizer.lr or optimizer.weight_decay, a lower loss.temperature, a larger "
        "data.batch_size, or stronger views, so that no single property distinguishes the images"
    )


def unmoved(r: EpochStatistics, told: bool) -> str | None:
    early = r.steps < LEAST_STEPS or r.warming_up
    on_purpose = r.lr == 0
    falls = r.first_loss - r.loss > FALLEN[told] * abs(r.first_loss)
    if early or on_purpose or falls or r.reach >= UNMOVED[told] or (not told and collapsed(r, told)):
        return None
    return (
        f"the loss is {r.loss:.3g} and does not fall: at learning rate {r.lr:.2g} the last layer has moved "
        f"by {r.moved:.1g} of its length, and will by {r.reach:.1g} until the end. Try a larger optimizer.lr "
        "or more trainer.max_epochs"
    )


# The first condition that holds explains the following ones. The states of a method report their own trouble
# as well, unless one of the first two conditions explains it.
CONDITIONS: tuple[Callable[[EpochStatistics, bool], str | None], ...] = (
    not_finite,
    one_point,
    hot,
    fell_back,
    few_directions,
    unmoved,
)
EXPLAIN_ALL = {"not_finite", "one_point"}
