"""Whether the batch that just ended changed the weights."""

from typing import Any, Literal

from lightning.pytorch import Callback, Trainer

Outcome = Literal["accumulating", "skipped", "changed"]


class SkipsSteps(Callback):
    """A callback that may take all effect from an optimizer step; `skipping` says whether it did so now."""

    skipping: bool


def skipped_by_a_callback(trainer: Trainer) -> bool:
    """Whether the optimizer step that just ended was without effect."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return any(callback.skipping for callback in callbacks if isinstance(callback, SkipsSteps))


class WeightChanges:
    """Tells optimizer steps that changed the weights from micro-batches and skipped steps.

    `global_step` counts a step that the fp16 gradient scaler skipped, so its scale is read as well: it
    falls exactly when gradients overflowed, until it is 0, with which no gradient is finite. (The scaler
    itself reads the device in every step.) It also counts a step that a callback skipped, which says so,
    and one in which `training_step` gave no loss.

    One serves all callbacks of a Trainer, `weight_changes` of the method.
    """

    def start(self, trainer: Trainer) -> None:
        """Remember where training stands; `global_step` is right from `on_train_start` on."""
        self._step = trainer.global_step
        self._scale = self._loss_scale(trainer)
        self._batch = -1
        self._outcome: Outcome = "accumulating"
        self._has_gradients = False

    def after_batch(self, trainer: Trainer, outputs: Any) -> Outcome:
        """What the batch that just ended did, whose step gave `outputs`; to be asked after every batch."""
        batch = trainer.fit_loop.total_batch_idx
        if batch != self._batch:
            self._batch, self._outcome = batch, self._of_batch(trainer, bool(outputs))
        return self._outcome

    def _of_batch(self, trainer: Trainer, has_loss: bool) -> Outcome:
        self._has_gradients |= has_loss
        if trainer.global_step == self._step:
            return "accumulating"
        scale, previous = self._loss_scale(trainer), self._scale
        self._step, self._scale = trainer.global_step, scale
        changed = self._has_gradients and not skipped_by_a_callback(trainer) and 0 < previous <= scale
        self._has_gradients = False
        return "changed" if changed else "skipped"

    @staticmethod
    def _loss_scale(trainer: Trainer) -> float:
        scaler = scaler_of(trainer)
        return scaler.get_scale() if scaler is not None else 1.0


def scaler_of(trainer: Trainer) -> Any:
    """The gradient scaler of fp16; None in another precision."""
    return getattr(trainer.precision_plugin, "scaler", None)
