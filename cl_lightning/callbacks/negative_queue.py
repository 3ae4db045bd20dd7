"""MoCo's negatives: a first-in-first-out queue of past keys."""

from typing import Any

from lightning.pytorch import Trainer

from cl_lightning.callbacks.first_in_first_out import FirstInFirstOut
from cl_lightning.callbacks.staleness import staleness

STALE, FRESH = 3.0, 2.0  # staleness above the first is reported, again only after it was below the second
LEAST_STEPS = 10  # no report before so many steps


class NegativeQueue(FirstInFirstOut):
    """The last `length` keys; all of them are negatives of every query. See `FirstInFirstOut`.

    Logs by epoch `train/queue_fill` and `train/queue_staleness`, and, as `train/queue_age` and
    `train/queue_age_max`, the mean and largest age of keys in optimizer steps that changed the weights.

    Args:
        length: the number of keys (the paper's K).
        seed: the seed of the unit vectors at the start.

    Raises:
        ValueError: see `FirstInFirstOut`.
    """

    part = "queue"
    title, line, content = "queue", "negatives of a query", "keys"
    of_own = "every image meets its own older keys as negatives"

    def __init__(self, length: int = 65536, seed: int = 0) -> None:
        super().__init__(length, seed)

    def trouble(self, steps: int, told: bool) -> str | None:
        measured = self.staleness()
        if steps < LEAST_STEPS or measured is None or measured <= (FRESH if told else STALE):
            return None
        return (
            f"the queue no longer resembles the keys: the newest keys are {measured:.3g} times farther from "
            "the oldest than from those just before them (about 1 where the key encoder is slow enough). Try "
            f"a larger callbacks.momentum_encoder.momentum, a shorter {self.key}.length or a smaller "
            "optimizer.lr"
        )

    def staleness(self) -> float | None:
        """See `staleness`; None until the queue is full."""
        keys_per_step = int((self.entered == self.steps).sum())
        return staleness(self.oldest_first(), keys_per_step) if self.fill == 1 and keys_per_step else None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        values: dict[str, Any] = {"queue_fill": self.fill}
        if len(ages := self.ages.double()):
            values |= {"queue_age": ages.mean(), "queue_age_max": ages.max()}
        if (stale := self.staleness()) is not None:
            values["queue_staleness"] = stale
        pl_module.log_dict({f"train/{name}": value for name, value in values.items()}, sync_dist=True)
