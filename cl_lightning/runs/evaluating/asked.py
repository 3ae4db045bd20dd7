"""What cl-eval is asked about each run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lightning.pytorch import Trainer

from cl_lightning.blueprints import refused
from cl_lightning.plots.plane import check_way
from cl_lightning.plots.ways import Way
from cl_lightning.runs.evaluating.images import Images
from cl_lightning.runs.evaluating.protocols import Protocol, by_default
from cl_lightning.runs.evaluating.start import Trained


@dataclass(frozen=True)
class Asked:
    """Which encoder is measured, by which protocols, on which images.

    Args:
        baselines: whether the pixels, the untrained network and what a run began with are measured too.
        trainer: makes features, in one process or several; None: in one.
        map: how the features of the validation images are placed in a map; None: there is none.

    Raises ConfigError if such a map can't be made here.
    """

    encoder: Trained = "query"
    protocols: Sequence[Protocol] = field(default_factory=by_default)
    baselines: bool = False
    images: Images = field(default_factory=Images)
    trainer: Trainer | None = None
    map: Way | None = None

    def __post_init__(self) -> None:
        if self.map is not None:
            with refused("--map"):
                check_way(self.map)
