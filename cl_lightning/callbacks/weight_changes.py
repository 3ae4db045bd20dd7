"""Whether the batch that just ended changed the weights."""

from typing import Any, Literal

from lightning.pytorch import Callback, Trainer
from torch.optim import Optimizer

Outcome = Literal["accumulating", "skipped", "changed"]


class SkipsSteps(Callback):
    """A callback that may take all effect from an optimizer step; `skipping` says whether it did so now."""

    skipping: bool


def skipped_by_a_callback(trainer: Trainer) -> bool:
    """Whether the optimizer step that just ended was without effect."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return any(callback.skipping for callback in callbacks if isinstance(callback, SkipsSteps))


class WeightChanges(Callback):
    """Tells optimizer steps that changed the weights from micro-batches and skipped steps.

    `global_step` counts a step that the fp16 gradient scaler skipped, so its scale is read as well: it
    falls exactly when gradients overflowed, until it is 0, with which no gradient is finite. (The scaler
    itself reads the device in every step.) It also counts a step that a callback skipped, which says so, and
    one without a backward pass: of a `training_step` that gave no loss, or of StochasticWeightAveraging's
    last epoch, where Lightning would step with the gradients of the step before. They are dropped.

    One serves all callbacks of a Trainer: it is the method's own, `weight_changes`.
    """

    def __init__(self) -> None:
        self._went_back, self._has_gradients = False, True
        self._batch = -1
        self._outcome: Outcome = "accumulating"

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Remember where training stands; `global_step` is right from here on."""
        self._step = trainer.global_step
        self._scale = self._loss_scale(trainer)
        self._batch, self._outcome = -1, "accumulating"

    def on_after_backward(self, trainer: Trainer, pl_module: Any) -> None:
        self._went_back = True

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        self._has_gradients, self._went_back = self._went_back, False
        if not self._has_gradients:
            optimizer.zero_grad(set_to_none=True)

    def after_batch(self, trainer: Trainer) -> Outcome:
        """What the batch that just ended did."""
        batch = trainer.fit_loop.total_batch_idx
        if batch != self._batch:
            self._batch, self._outcome = batch, self._of_batch(trainer)
        return self._outcome

    def _of_batch(self, trainer: Trainer) -> Outcome:
        if trainer.global_step == self._step:
            return "accumulating"
        scale, previous = self._loss_scale(trainer), self._scale
        self._step, self._scale = trainer.global_step, scale
        changed = self._has_gradients and not skipped_by_a_callback(trainer) and 0 < previous <= scale
        return "changed" if changed else "skipped"

    @staticmethod
    def _loss_scale(trainer: Trainer) -> float:
        scaler = scaler_of(trainer)
        return scaler.get_scale() if scaler is not None else 1.0


def scaler_of(trainer: Trainer) -> Any:
    """The gradient scaler of fp16; None in another precision."""
    return getattr(trainer.precision_plugin, "scaler", None)
