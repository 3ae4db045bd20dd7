"""What our schedules share: the peak of the learning rate, and a linear warm-up to it."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

from torch.optim import Optimizer

from cl_lightning.optim.by_step import ByStep

REFERENCE_BATCH = 256
SHARE = 0.1  # a shortened warm-up takes this share of the run


class WarmedUp:
    """Linear warm-up to the peak, then what a schedule does; updated with every optimizer step.

    peak = optimizer.lr x scale(effective batch)

    scale is 1 for `none`, b / 256 for `linear` (arXiv 1706.02677) and sqrt(b / 256) for `sqrt`
    (arXiv 2002.05709, B.1), where the effective batch b counts the images of one optimizer step over all
    devices and accumulated micro-batches. A schedule is a dataclass with these attributes, which its
    docstring explains, and says what comes after the warm-up: `after_warm_up` and `decay_steps`.
    """

    warmup_epochs: float
    lr_scaling: Literal["none", "linear", "sqrt"]
    shorten: bool

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_epochs < math.inf:
            raise ValueError(f"schedule.warmup_epochs is {self.warmup_epochs}; accepted: 0 or more epochs")
        if self.lr_scaling not in ("none", "linear", "sqrt"):
            raise ValueError(f"schedule.lr_scaling is {self.lr_scaling!r}; accepted: none, linear, sqrt")

    def after_warm_up(self, step: int, total_steps: int, warmup_steps: int) -> float:
        """The learning rate in a step after the warm-up, as a share of the peak."""
        raise NotImplementedError

    def decay_steps(self, total_steps: int) -> int:
        """How many steps at the end of the run have a falling rate and can't be part of the warm-up."""
        return 0

    def check_branch(self, step: int, total_steps: int) -> None:
        """Raises ValueError if a run of this length can't go on with this schedule after `step` steps."""

    def told_of_length(self, total_steps: int) -> Mapping[str, str]:
        """Lines of the start report that depend on the length of the run."""
        return {}

    def factor(self, step: int, total_steps: int, warmup_steps: int) -> float:
        """The learning rate in step `step` (from 0) of `total_steps`, as a share of the peak."""
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        return self.after_warm_up(step, total_steps, warmup_steps)

    def scale(self, effective_batch_size: int) -> float:
        """Factor on optimizer.lr for batches of `effective_batch_size` images."""
        ratio = effective_batch_size / REFERENCE_BATCH
        return {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.lr_scaling]

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> Self:
        """The schedule with the warm-up for a run of `total_steps`.

        Raises:
            ValueError: the warm-up is too long for the run, and neither `shorten` nor `self.shorten` is True.
        """
        steps = round(self.warmup_epochs * steps_per_epoch)
        decay = self.decay_steps(total_steps)
        longest = min(total_steps - decay, total_steps - 1)
        if steps <= max(longest, 0) or total_steps <= 0:
            return self
        if not (shorten or self.shorten):
            falling = f" and the decay takes {decay}" if decay else ""
            smaller = ", a smaller schedule.decay_share" if decay else ""
            raise ValueError(
                f"schedule.warmup_epochs is {self.warmup_epochs} ({steps} steps){falling}, but training ends "
                f"after {total_steps} steps; accepted: a shorter warm-up{smaller}, or a larger "
                "trainer.max_epochs"
            )
        shorter = min(round(SHARE * total_steps), max(longest, 0)) / steps_per_epoch
        return replace(self, warmup_epochs=shorter)  # type: ignore[type-var]

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """Scale the learning rate of `optimizer` to the peak; the scheduler moves with every step."""
        warmup_steps = round(self.fitted(total_steps, steps_per_epoch).warmup_epochs * steps_per_epoch)
        for group in optimizer.param_groups:
            group["lr"] *= self.scale(effective_batch_size)
        scheduler = ByStep(optimizer, lambda step: self.factor(step, total_steps, warmup_steps))
        return {"scheduler": scheduler, "interval": "step"}

    def peak(self, optimizer: Optimizer) -> float:
        """The learning rate of the first parameter group after the warm-up."""
        return float(optimizer.param_groups[0]["initial_lr"])

    def warming_up(self, epochs: float) -> bool:
        """Whether the learning rate still rises after so many epochs."""
        return epochs <= self.warmup_epochs

    def told_at_start(
        self, given: Any, optimizer: Optimizer, steps_per_epoch: float, effective_batch_size: int
    ) -> Mapping[str, str]:
        """The peak and how it depends on the effective batch; also a shortened warm-up."""
        peak = self.peak(optimizer)
        rate = peak / self.scale(effective_batch_size)
        rules = {
            "none": "",
            "linear": f" = {rate:g} x {effective_batch_size:,} / {REFERENCE_BATCH}",
            "sqrt": f" = {rate:g} x sqrt({effective_batch_size:,} / {REFERENCE_BATCH})",
        }
        lines = {"learning rate": f"{peak:g}{rules[self.lr_scaling]} at its peak"}
        if self.warmup_epochs < given.warmup_epochs:
            steps = round(self.warmup_epochs * steps_per_epoch)
            lines["warm-up"] = (
                f"{steps:,} {'step' if steps == 1 else 'steps'}, a tenth of the run, which is too short for "
                f"{given.warmup_epochs:g} epochs of warm-up"
            )
        return lines
