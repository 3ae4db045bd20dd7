"""Linear warm-up, a constant rate, and a decay at the end: from one trunk, runs of any length branch off."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cl_lightning.optim.warmed_up import WarmedUp


@dataclass(frozen=True)
class WarmupStableDecay(WarmedUp):
    """Linear warm-up, then the peak, then a decay to 0 over the last share of the run (arXiv 2405.18392).

    With D decay steps at the end of a run of N steps, step n (from 0) of the run has, as a share of the peak,

        sqrt:   1 - sqrt((n - (N - D)) / D)            (its "1-sqrt", which ends best there)
        linear: 1 - (n - (N - D)) / D

    Before the decay the rate does not depend on the length of the run. So a run without decay is a trunk: a
    run that goes on from one of its checkpoints and decays ends with the bits of a whole run of its length.
    See `WarmedUp` for the peak.

    Args:
        warmup_epochs: epochs (fractions allowed) from 0 to the peak.
        decay_share: the share of the run's steps that decay; 0 for none.
        decay: the form of the decay.
        lr_scaling: how the peak depends on the effective batch.
        shorten: whether the warm-up becomes a tenth of a run that is too short for it (a method's default
            schedule does this); otherwise such a run is refused.

    Raises:
        ValueError: a negative warm-up, a share outside [0, 1], an unknown decay or scaling.
    """

    warmup_epochs: float = 0.0
    decay_share: float = 0.2
    decay: Literal["sqrt", "linear"] = "sqrt"
    lr_scaling: Literal["none", "linear", "sqrt"] = "linear"
    shorten: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.decay_share <= 1:
            raise ValueError(f"schedule.decay_share is {self.decay_share}; accepted: 0 (no decay) to 1")
        if self.decay not in ("sqrt", "linear"):
            raise ValueError(f"schedule.decay is {self.decay!r}; accepted: sqrt, linear")

    def decay_steps(self, total_steps: int) -> int:
        """The steps of the decay in a run of `total_steps`."""
        return round(self.decay_share * total_steps)

    def after_warm_up(self, step: int, total_steps: int, warmup_steps: int) -> float:
        """1, and in the decay less; 0 is what the step after the last one would have."""
        decay = self.decay_steps(total_steps)
        begin = total_steps - decay
        if step < begin or not decay:
            return 1.0
        progress = min(1.0, (step - begin) / decay)
        return 1 - (math.sqrt(progress) if self.decay == "sqrt" else progress)

    def check_branch(self, step: int, total_steps: int) -> None:
        """Check that a run which goes on after `step` steps still has its whole decay before it.

        Raises:
            ValueError: the decay would have begun before; says what would do.
        """
        decay = self.decay_steps(total_steps)
        if decay and step > total_steps - decay:
            share = math.floor(1000 * (total_steps - step) / total_steps) / 1000
            raise ValueError(
                f"schedule.decay_share is {self.decay_share}, so the decay of a run of {total_steps:,} steps "
                f"begins after {total_steps - decay:,}, but the run goes on after {step:,}; accepted: a "
                f"checkpoint of at most {total_steps - decay:,} steps, a schedule.decay_share of at most "
                f"{share:g}, or a larger trainer.max_epochs"
            )

    def told_of_length(self, total_steps: int) -> Mapping[str, str]:
        """When the decay begins."""
        decay = self.decay_steps(total_steps)
        if not decay:
            return {"decay": "none: the rate stays at its peak"}
        return {
            "decay": f"the last {decay:,} of {total_steps:,} steps, from step {total_steps - decay + 1:,}"
        }
