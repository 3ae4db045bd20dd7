"""Batches of an epoch that fill whole gradient accumulations."""

from typing import Any


def batch_limit(trainer: Any) -> int | float:
    """The Trainer's `limit_train_batches`; all without one. ValueError for `overfit_batches`."""
    if overfit := getattr(trainer, "overfit_batches", 0):
        raise ValueError(
            f"trainer.overfit_batches={overfit}; accepted: 0, as each epoch draws its batches anew. "
            "Give a smaller set behind data.train instead."
        )
    return trainer.limit_train_batches if trainer else 1.0


def usable_batches(batches: int, limit: int | float, accumulation: int) -> int:
    """How many of `batches` an epoch trains on under Lightning's `limit_train_batches`, rounded down to whole
    accumulations: Lightning would step with k/N of the gradient for the rest.

    Raises ValueError when none is left.
    """
    allowed = lightning_batches(batches, limit)
    usable = allowed - allowed % accumulation
    if not allowed:
        raise ValueError(
            f"trainer.limit_train_batches={limit} of an epoch's {batches} batches is none; accepted: 1 or "
            "more batches, or a share that holds one. Change trainer.limit_train_batches or data.batch_size."
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
    """Lightning's reading of `limit_train_batches`: a number of batches, or a share of them."""
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def offered_batches(batches: int, limit: int | float, usable: int) -> int:
    """The length that a loader must have for Lightning, applying `limit`, to train on `usable` batches."""
    fitting = [n for n in range(usable, batches + 1) if lightning_batches(n, limit) == usable]
    assert fitting, "of one batch more, Lightning takes at most one more"
    return fitting[0]
