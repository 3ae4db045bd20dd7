"""Where in a step NaN or infinity first appears, and what a user can do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

# In the order in which a step computes them; the first stage that is not finite is the origin.
VIEWS, EMBEDDINGS, LOSS, OWN_GRADIENTS, GRADIENTS = STAGES = (
    "views",
    "embeddings",
    "loss",
    "gradients of the process",
    "gradients",
)
OF_GRADIENTS = (
    "while the loss is finite: the learning rate or the precision; try a lower optimizer.lr, a longer "
    "schedule.warmup_epochs, trainer.gradient_clip_val=1.0 or trainer.precision=32"
)
CAUSES = {
    VIEWS: "the views that were made of the images: look at views.* and data.train",
    EMBEDDINGS: "the embeddings of finite views: weights have grown too large or were not finite at the "
    "start, or the precision; try a lower optimizer.lr, a longer schedule.warmup_epochs, "
    "trainer.gradient_clip_val=1.0 or trainer.precision=32",
    LOSS: "the loss of finite embeddings: try a higher loss.temperature or trainer.precision=32",
    OWN_GRADIENTS: f"the gradients {OF_GRADIENTS}",
    GRADIENTS: f"the gradients {OF_GRADIENTS}",
}


class NonFiniteError(ValueError):
    """An optimizer step with NaN or infinity; the message names step, rank and what to try."""


@dataclass(frozen=True)
class Origin:
    """Where NaN or infinity first appeared: the stage, and the ranks."""

    stage: str
    ranks: tuple[int, ...]
    world_size: int

    def __str__(self) -> str:
        everywhere = len(self.ranks) == self.world_size > 1
        numbers = ", ".join(map(str, self.ranks))
        place = f"all {self.world_size} ranks" if everywhere else f"rank {numbers} of {self.world_size}"
        return f"NaN or infinity on {place}, first in {CAUSES[self.stage]}"


def origin(broken: Sequence[Sequence[int]]) -> Origin:
    """The origin, from flags for what is not finite [ranks, stages], of which at least one is set."""
    for number, stage in enumerate(STAGES):
        ranks = tuple(rank for rank, stages in enumerate(broken) if stages[number])
        if ranks:
            return Origin(stage, ranks, len(broken))
    raise AssertionError("everything is finite")
