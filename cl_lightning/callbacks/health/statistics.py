"""What the diagnosis knows of a run at the end of an epoch."""

import math
from dataclasses import dataclass

# Before so many optimizer steps, and of fewer embeddings, nothing is said of a trend.
LEAST_STEPS, LEAST_ROWS = 10, 8


@dataclass(frozen=True)
class EpochStatistics:
    """Of one epoch.

    Args:
        dim: of the embeddings.
        steps: optimizer steps since the start of the run.
        loss: mean of the epoch, nats.
        lowest_loss: of the epochs before that began with a full queue; infinite without any.
        first_loss: of the run's first epoch.
        lr: the peak of the learning rate.
        warming_up: whether the learning rate still rises.
        rows, spread, rank, embedding_std: of the last embeddings of the epoch: their number, and `Moments`'
            spread, centred rank and standard deviation.
        first_spread, first_rank: of as many at the epoch's start.
        moved: of the last layer's weights, the distance from the start of the run as a share of their
            length then.
        reach: `moved` by the end of the run, should they go straight on.
        negatives: of each anchor; None where it is not known.
        chance: the loss of embeddings that tell nothing apart; infinite where it is not known.
        best: the loss of perfect embeddings: positives coincide, negatives are at right angles; None where
            it is not known.
    """

    dim: int
    steps: int
    loss: float
    lowest_loss: float
    first_loss: float
    lr: float
    warming_up: bool
    rows: int
    spread: float
    rank: float
    embedding_std: float
    first_spread: float
    first_rank: float
    moved: float
    reach: float
    negatives: int | None = None
    chance: float = math.inf
    best: float | None = None

    @property
    def shapes_known(self) -> bool:
        """Whether spread and rank say something of training yet."""
        return self.steps >= LEAST_STEPS and self.rows >= LEAST_ROWS and self.lr > 0
