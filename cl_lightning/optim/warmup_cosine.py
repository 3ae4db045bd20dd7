"""Linear warm-up, then cosine decay."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

REFERENCE_BATCH = 256
SHARE = 0.1  # a shortened warm-up takes this share of the run


@dataclass(frozen=True)
class WarmupCosine:
    """Linear warm-up, then half a cosine, stepped with every optimizer step (arXiv 2002.05709, section 2.2).

    peak = optimizer.lr x scale(effective batch)

    scale is 1 for `none`, b / 256 for `linear` (arXiv 1706.02677) and sqrt(b / 256) for `sqrt`
    (arXiv 2002.05709, B.1), where the effective batch b counts the images of one optimizer step over all
    devices and accumulated micro-batches.

    Args:
        warmup_epochs: epochs (fractions allowed) from 0 to the peak.
        final_fraction: learning rate at the end, as a share of the peak.
        lr_scaling: how the peak depends on the effective batch.
        shorten: whether the warm-up becomes a tenth of a run that is too short for it (a method's default
            schedule does this); otherwise such a run is refused.

    Raises:
        ValueError: a negative warm-up, a final fraction outside [0, 1], an unknown scaling.
    """

    warmup_epochs: float = 0.0
    final_fraction: float = 0.0
    lr_scaling: Literal["none", "linear", "sqrt"] = "linear"
    shorten: bool = False

    def __post_init__(self) -> None:
        if self.warmup_epochs < 0:
            raise ValueError(f"schedule.warmup_epochs is {self.warmup_epochs}; accepted: 0 or more epochs")
        if not 0 <= self.final_fraction <= 1:
            raise ValueError(f"schedule.final_fraction is {self.final_fraction}; accepted: 0 to 1")
        if self.lr_scaling not in ("none", "linear", "sqrt"):
            raise ValueError(f"schedule.lr_scaling is {self.lr_scaling!r}; accepted: none, linear, sqrt")

    def scale(self, effective_batch_size: int) -> float:
        """Factor on optimizer.lr for batches of `effective_batch_size` images."""
        ratio = effective_batch_size / REFERENCE_BATCH
        return {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}[self.lr_scaling]

    def factor(self, step: int, total_steps: int, warmup_steps: int) -> float:
        """The learning rate in step `step` (from 0) of `total_steps`, as a share of the peak."""
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return self.final_fraction + (1 - self.final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))

    def fitted(self, total_steps: int, steps_per_epoch: float, shorten: bool = False) -> "WarmupCosine":
        """The schedule with the warm-up for a run of `total_steps`.

        Raises:
            ValueError: the warm-up is too long for the run, and neither `shorten` nor `self.shorten` is True.
        """
        steps = round(self.warmup_epochs * steps_per_epoch)
        if steps == 0 or not steps >= total_steps > 0:
            return self
        if not (shorten or self.shorten):
            raise ValueError(
                f"schedule.warmup_epochs is {self.warmup_epochs} ({steps} steps), but training ends "
                f"after {total_steps} steps; accepted: a shorter warm-up, or a larger trainer.max_epochs"
            )
        return replace(self, warmup_epochs=round(SHARE * total_steps) / steps_per_epoch)

    def attach(
        self, optimizer: Optimizer, total_steps: int, steps_per_epoch: float, effective_batch_size: int
    ) -> dict[str, Any]:
        """Scale the learning rate of `optimizer` to the peak; the scheduler moves with every step."""
        warmup_steps = round(self.fitted(total_steps, steps_per_epoch).warmup_epochs * steps_per_epoch)
        for group in optimizer.param_groups:
            group["lr"] *= self.scale(effective_batch_size)
        scheduler = LambdaLR(optimizer, lambda step: self.factor(step, total_steps, warmup_steps))
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
