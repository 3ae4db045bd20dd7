"""The optimizer and schedule of a method, its own or the user's."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch.optim import Optimizer

from cl_lightning.callbacks.weight_changes import scaler_of
from cl_lightning.methods.checkpointed import Checkpointed
from cl_lightning.methods.rates import WentOn, check_length, made
from cl_lightning.optim import (
    OtherSchedule,
    Schedule,
    WarmedUp,
    as_schedule,
    fused,
    keep_implementation,
    param_groups,
)

OptimizerFactory = Callable[[list[dict[str, Any]]], Optimizer]


class Scheduled(Checkpointed):
    """A module with an optimizer and a schedule; see `ContrastiveModule` for the arguments.

    `schedule_in_use` is the schedule of the current fit, for monitors. If the user has their own
    `configure_optimizers`, it only knows the optimizer.
    """

    def __init__(
        self,
        optimizer: OptimizerFactory,
        schedule: Schedule | Callable[[Optimizer], Any],
        decay_norms_and_biases: bool,
    ) -> None:
        super().__init__()
        self.optimizer = optimizer
        self.schedule = schedule
        self.schedule_in_use: Schedule = as_schedule(schedule)
        self.decay_norms_and_biases = decay_norms_and_biases
        self._went_on: WentOn | None = None

    def setup(self, stage: str) -> None:
        """Assume a user's own `configure_optimizers` until ours is called."""
        if stage == "fit":
            self.schedule_in_use = OtherSchedule()
            self.scheduler_made, self._resumed, self._went_on = None, None, None

    @property
    def effective_batch_size(self) -> int:
        """Images of one optimizer step, over all devices and accumulated micro-batches."""
        return self.trainer.datamodule.batch_size * self.trainer.accumulate_grad_batches  # type: ignore[attr-defined]

    def configure_optimizers(self) -> Any:
        """Raises ValueError for a run without an end, for one that ends before the warm-up does, and for one
        that can't go on from its checkpoint with this schedule."""
        steps = self.trainer.estimated_stepping_batches
        if steps == math.inf:
            raise ValueError(
                "the run has no end, which the schedule needs; accepted: trainer.max_epochs or "
                "trainer.max_steps (trainer.max_time may end it earlier)"
            )
        optimizer = self._made_optimizer()
        # A step or two are no run.
        shorten = bool(self.trainer.fast_dev_run)  # type: ignore[attr-defined]
        schedule = as_schedule(self.schedule).fitted(int(steps), self.steps_per_epoch, shorten)
        attached = schedule.attach(optimizer, int(steps), self.steps_per_epoch, self.effective_batch_size)
        self._go_on(schedule, attached, optimizer, int(steps))
        self.schedule_in_use = schedule
        return {"optimizer": optimizer, "lr_scheduler": attached}

    def _go_on(self, schedule: Schedule, attached: Any, optimizer: Optimizer, steps: int) -> None:
        """If the fit goes on from a checkpoint, prepare the scheduler and the optimizer for its state."""
        attached = attached if isinstance(attached, Mapping) else {"scheduler": attached}
        scheduler, resumed = attached["scheduler"], self._resumed
        self.scheduler_made = made(scheduler)
        anew = resumed is not None and resumed.go_on_with(self, scheduler, optimizer)
        left, moved = (steps, 0) if resumed is None else (steps - resumed.step, resumed.moves_of_scheduler)
        check_length(attached, left, self.steps_per_epoch, moved)
        if resumed is None:
            return
        resumed.check_branch(self, self.trainer, schedule, steps)
        self._went_on = WentOn(resumed.step, resumed.rate, type(scheduler).__name__ if anew else "")

    def _made_optimizer(self) -> Optimizer:
        groups = param_groups(self, self.decay_norms_and_biases)
        # With fp16's gradient scaler Lightning can't clip the gradients of a fused optimizer.
        scaled = scaler_of(self.trainer) is not None
        optimizer = self.optimizer(groups, **({} if scaled else fused(self.optimizer, self.device)))
        optimizer.register_load_state_dict_pre_hook(keep_implementation)
        return optimizer

    @property
    def steps_per_epoch(self) -> float:
        """Optimizer steps of an epoch."""
        return self.trainer.datamodule.batches_per_epoch / self.trainer.accumulate_grad_batches  # type: ignore[attr-defined]

    def schedule_told_at_start(self) -> Mapping[str, str]:
        """Lines of the start report on the learning rate."""
        dry = self.trainer.fast_dev_run  # type: ignore[attr-defined]
        given = self.schedule_in_use if dry else self.schedule
        optimizer, steps = self.trainer.optimizers[0], int(self.trainer.estimated_stepping_batches)
        lines = self.schedule_in_use.told_at_start(
            given, optimizer, self.steps_per_epoch, self.effective_batch_size
        )
        if isinstance(self.schedule_in_use, WarmedUp):
            lines = {**lines, **self.schedule_in_use.told_of_length(steps)}
        if self._went_on is None:
            return lines
        rate, length = float(optimizer.param_groups[0]["lr"]), steps / self.steps_per_epoch
        return {**lines, **self._went_on.told_at_start(rate, self.steps_per_epoch, length, self.extends)}
