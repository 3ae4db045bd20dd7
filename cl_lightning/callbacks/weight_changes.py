"""Detects whether the batch that just ended changed the weights."""

from typing import Any, Literal

from lightning.pytorch import Callback, Trainer
from torch.optim import Optimizer

Outcome = Literal["accumulating", "skipped", "changed"]


class SkipsSteps(Callback):
    """A callback that may skip an optimizer step; `skipping` says whether it skips the current one."""

    skipping: bool


def skipped_by_a_callback(trainer: Trainer) -> bool:
    """Whether a callback skipped the optimizer step that just ended."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return any(callback.skipping for callback in callbacks if isinstance(callback, SkipsSteps))


class WeightChanges(Callback):
    """Distinguishes optimizer steps that changed the weights from micro-batches and skipped steps.

    `global_step` is not enough, because it also counts steps without an effect:

    - A step that the fp16 gradient scaler skipped. Therefore the scale is read as well: it falls exactly when
      gradients overflow, until it is 0, and then no gradient is finite. (The scaler itself reads the device
      in every step.)
    - A step that a callback skipped; the callback says so.
    - A step without a backward pass: if a `training_step` returned no loss, or in the last epoch of
      StochasticWeightAveraging. Lightning would use the gradients of the step before; they are dropped.

    All callbacks of a Trainer share one instance, the method's `weight_changes`.
    """

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Remember the current step; `global_step` is correct from here on."""
        self._step = trainer.global_step
        self._scale = self._loss_scale(trainer)
        self._went_back, self._has_gradients = False, True
        self._batch = -1
        self._outcome: Outcome = "accumulating"

    def on_after_backward(self, trainer: Trainer, pl_module: Any) -> None:
        self._went_back = True

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        self._has_gradients, self._went_back = self._went_back, False
        if not self._has_gradients:
            optimizer.zero_grad(set_to_none=True)

    def after_batch(self, trainer: Trainer) -> Outcome:
        """The effect of the batch that just ended."""
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
    """The gradient scaler of fp16; None in other precisions."""
    return getattr(trainer.precision_plugin, "scaler", None)
