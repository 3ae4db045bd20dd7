"""How a resumed epoch goes on with the batch after the last one that was trained on."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from cl_lightning.data.order import EpochOrder, EvaluationOrder

T = TypeVar("T")


class Resumable:
    """A loader whose place within an epoch Lightning saves and restores: batches that it has handed out.

    Lightning takes a batch when it trains on it, not before, since the loader's length is known.
    """

    sampler: EpochOrder | EvaluationOrder
    handed_out = 0

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.handed_out}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The next epoch that is iterated over is the one that was saved, without these batches."""
        self.sampler.first = state_dict["batches"] % len(self.sampler)

    def counted(self, batches: Callable[[], Iterable[T]]) -> Iterator[T]:
        """Each of the batches that are left of the epoch, counted before it is handed out."""
        self.handed_out = self.sampler.first
        for batch in batches():
            self.handed_out += 1
            yield batch
