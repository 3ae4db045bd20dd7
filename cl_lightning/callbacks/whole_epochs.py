"""Detects epochs and runs that Lightning ends silently because a hook or step raised StopIteration."""

import math
from collections.abc import Callable, Sized
from functools import wraps
from typing import Any, TypeVar

from lightning.pytorch import Callback, LightningModule, Trainer

R = TypeVar("R")


def never_stops(step: Callable[..., R]) -> Callable[..., R]:
    """`step`, which raises RuntimeError instead of StopIteration; Lightning would end the epoch at that."""

    @wraps(step)
    def whole(*args: Any, **kwargs: Any) -> R:
        try:
            return step(*args, **kwargs)
        except StopIteration as error:
            raise RuntimeError(
                f"{step.__qualname__} raised StopIteration, by which Lightning would end the epoch"
            ) from error

    return whole


class WholeEpochs(Callback):
    """Checks that each epoch, evaluation and run ends at its end, or because it was asked to stop.

    Lightning's ways to stop are allowed: `trainer.should_stop`, and `on_train_batch_start` returning -1.

    Raises:
        ValueError: a hook raised StopIteration, which ended an epoch, an evaluation or the run; or the run
            ended without a step.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        batch: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        batches = _batches(trainer)
        if trainer.validating:  # still
            raise _cut(trainer, f"the evaluation after batch {batch.completed} of {batches}")
        skipped = batch.processed == batch.ready > batch.started  # what on_train_batch_start asked for
        ended = batch.completed == batch.ready and (batch.ready >= batches or _may_stop(trainer))
        if not (skipped or ended):
            raise _cut(trainer, f"epoch {trainer.current_epoch} in batch {batch.ready} of {batches}")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        fitting = trainer.state.fn == "fit"
        loop = trainer.fit_loop.epoch_loop.val_loop if fitting else trainer.validate_loop
        batch = loop.batch_progress.current
        if batch.completed < batch.ready:
            raise _cut(trainer, f"an evaluation in batch {batch.ready}")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epochs: Any = trainer.fit_loop.epoch_progress.current
        last = trainer.max_epochs is not None and 0 <= trainer.max_epochs <= epochs.completed
        if epochs.completed < epochs.processed or not (last or _may_stop(trainer)):
            raise _cut(trainer, f"training in epoch {trainer.current_epoch} of {trainer.max_epochs}")

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 0:
            raise ValueError(
                "the run ended without an optimizer step; accepted: trainer.max_epochs, trainer.max_steps "
                "and trainer.limit_train_batches from 1, and hooks that let a batch be trained on"
            )


def _batches(trainer: Trainer) -> int | float:
    """The batches of an epoch. StochasticWeightAveraging asks for one more than the loader has."""
    loader = trainer.train_dataloader
    offered = len(loader) if isinstance(loader, Sized) else math.inf
    return min(trainer.num_training_batches, offered)


def _may_stop(trainer: Trainer) -> bool:
    return trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step


def _cut(trainer: Trainer, what: str) -> ValueError:
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    names = [f"{type(c).__module__}.{type(c).__qualname__}" for c in callbacks]
    others = [name for name in names if not name.startswith(("cl_lightning.", "lightning."))]
    return ValueError(
        f"a hook of {', '.join([*others, 'the method'])} raised StopIteration, which ended {what}; accepted: "
        "hooks that raise another error, or such as next(iterator, None) where an iterator may be empty"
    )
