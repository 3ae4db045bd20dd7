"""Linear warm-up, then cosine decay."""

import math
from dataclasses import dataclass
from typing import Literal

from cl_lightning.optim.warmed_up import WarmedUp


@dataclass(frozen=True)
class WarmupCosine(WarmedUp):
    """Linear warm-up, then half a cosine, stepped with every optimizer step (arXiv 2002.05709, section 2.2).

    See `WarmedUp` for the peak.

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
        super().__post_init__()
        if not 0 <= self.final_fraction <= 1:
            raise ValueError(f"schedule.final_fraction is {self.final_fraction}; accepted: 0 to 1")

    def after_warm_up(self, step: int, total_steps: int, warmup_steps: int) -> float:
        """Half a cosine from 1 to `final_fraction`, which the step after the last one would have."""
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        return self.final_fraction + (1 - self.final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))
