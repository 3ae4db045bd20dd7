"""How many batches an epoch trains on, so that every gradient accumulation is complete."""

from typing import Any


def batch_limit(trainer: Any) -> int | float:
    """The Trainer's `limit_train_batches`; 1.0 (all batches) without a Trainer.

    Raises ValueError for `overfit_batches`.
    """
    if overfit := getattr(trainer, "overfit_batches", 0):
        raise ValueError(
            f"trainer.overfit_batches={overfit}; accepted: 0, as each epoch draws its batches anew. "
            "Give a smaller set behind data.train instead."
        )
    return trainer.limit_train_batches if trainer else 1.0


def usable_batches(batches: int, limit: int | float, accumulation: int) -> int:
    """How many of `batches` an epoch trains on.

    `limit` is Lightning's `limit_train_batches`. The result is rounded down to whole accumulations, because
    Lightning would step with k/N of the gradient for an incomplete one.

    Raises ValueError when no batch is left.
    """
    allowed = lightning_batches(batches, limit)
    usable = allowed - allowed % accumulation
    if not allowed:
        raise ValueError(
            f"trainer.limit_train_batches={limit} takes none of an epoch's {batches} batches; accepted: 1 or "
            "more, or a share of at least one batch. Change trainer.limit_train_batches or data.batch_size."
        )
    if not usable:
        raise ValueError(
            f"an epoch has {allowed} of {batches} batches (trainer.limit_train_batches={limit}), and one "
            f"optimizer step takes trainer.accumulate_grad_batches={accumulation} of them; accepted: at "
            f"most {allowed}. Change trainer.accumulate_grad_batches, trainer.limit_train_batches or "
            "data.batch_size."
        )
    return usable


def lightning_batches(batches: int, limit: int | float) -> int:
    """How many batches Lightning takes: `limit_train_batches` is a number of batches, or a share of them."""
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def offered_batches(batches: int, limit: int | float, usable: int) -> int:
    """The length that a loader must have so that Lightning, which applies `limit`, takes `usable` batches."""
    fitting = [n for n in range(usable, batches + 1) if lightning_batches(n, limit) == usable]
    assert fitting, "when the loader is one batch longer, Lightning takes at most one batch more"
    return fitting[0]
