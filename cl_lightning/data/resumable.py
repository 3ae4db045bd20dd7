"""Loaders that Lightning can resume within an epoch, at the next batch."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from cl_lightning.data.order import Order

T = TypeVar("T")


class Resumable:
    """A loader whose position within an epoch, in batches, Lightning saves and restores.

    Because the loader's length is known, Lightning fetches a batch only when it trains on it. So the number
    of batches that were handed out is the number trained on.
    """

    sampler: Order
    handed_out = 0

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.handed_out}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The next epoch skips the batches that were handed out before the save."""
        self.sampler.first = state_dict["batches"] % len(self.sampler)

    def counted(self, batches: Callable[[], Iterable[T]]) -> Iterator[T]:
        """Each remaining batch of the epoch, counted before it is handed out."""
        self.handed_out = self.sampler.first
        for batch in batches():
            self.handed_out += 1
            yield batch
