"""What cl-eval is asked about each run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightning.pytorch import Trainer

from cl_lightning.runs.evaluating.images import Images
from cl_lightning.runs.evaluating.protocols import Protocol, by_default
from cl_lightning.runs.evaluating.start import Trained


@dataclass(frozen=True)
class Asked:
    """Which encoder is measured, by which protocols, on which images.

    Args:
        baselines: whether the pixels, the untrained network and what a run began with are measured too.
        trainer: makes features, in one process or several; None: in one.
    """

    encoder: Trained = "query"
    protocols: Sequence[Protocol] = field(default_factory=by_default)
    baselines: bool = False
    images: Images = field(default_factory=Images)
    trainer: Trainer | None = None
