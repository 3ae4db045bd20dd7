"""The statistics of an epoch, from which the diagnosis is made."""

import math
from dataclasses import dataclass

# With fewer optimizer steps or embeddings no trend is reported.
LEAST_STEPS, LEAST_ROWS = 10, 8


@dataclass(frozen=True)
class EpochStatistics:
    """Statistics of one epoch.

    Args:
        dim: the dimension of the embeddings.
        steps: optimizer steps since the start of the run.
        loss: the mean loss of the epoch, in nats.
        lowest_loss: the lowest loss of earlier epochs that began with a full queue; infinite if none did.
        first_loss: the loss of the run's first epoch.
        lr: the peak of the learning rate.
        warming_up: whether the learning rate still rises.
        rows, spread, rank, embedding_std: the number of the last embeddings of the epoch, and their spread,
            centred rank and standard deviation (see `Moments`).
        first_spread, first_rank: the same for as many embeddings at the start of the epoch.
        moved: how far the weights of the last layer have moved since the start of the run, as a share of
            their initial length.
        reach: `moved` at the end of the run, if they continue in a straight line.
        negatives: the number of negatives for each anchor; None if unknown.
        chance: the loss if all embeddings are equal (guessing); infinite if unknown.
        best: the loss of perfect embeddings: positives coincide, negatives are at right angles; None if
            unknown.
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
        """Whether spread and rank already say something about training."""
        return self.steps >= LEAST_STEPS and self.rows >= LEAST_ROWS and self.lr > 0
