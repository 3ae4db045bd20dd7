"""The geometry of the embeddings in one epoch."""

from collections import deque
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.callbacks.health.metric_state import restore, saved
from cl_lightning.distributed.saved_by_rank import global_batches, own_batches, own_sum
from cl_lightning.metrics import Alignment, Moments, Uniformity

LOGGED = ("alignment", "uniformity", "embedding_std", "effective_rank", "largest_share", "directions_90")


class Geometry:
    """Alignment, uniformity and moments of the embeddings of training or validation, on their device.

    Alignment and moments are sums over the epoch. Uniformity compares pairs, so embeddings are stored for it.

    Args:
        dim: the dimension of the embeddings.
        last: the number of last steps that uniformity uses; None for all.
    """

    def __init__(self, dim: int, last: int | None = None) -> None:
        self.alignment, self.uniformity, self.moments = Alignment(), Uniformity(), Moments(dim)
        self.last: deque[Tensor] = deque(maxlen=last)

    def to(self, device: torch.device) -> None:
        """Move the metrics to the device of the embeddings."""
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.to(device)

    def update(self, z_a: Float[Tensor, "steps batch dim"], z_b: Float[Tensor, "steps batch dim"]) -> None:
        """Adds the embeddings of both views in several steps."""
        self.alignment.update(z_a.flatten(0, 1), z_b.flatten(0, 1))
        self.moments.update(z_a.flatten(0, 1))
        self.last.extend(z_a)

    def end(self) -> tuple[dict[str, Tensor], list[float]]:
        """The values to log and the shares of the spectrum, over all processes; then resets the metrics."""
        for z in self.last:
            self.uniformity.update(z)
        self.last.clear()
        found = self.moments.compute()
        found |= {"alignment": self.alignment.compute(), "uniformity": self.uniformity.compute()}
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.reset()
        return {name: found[name] for name in LOGGED}, found["spectrum"].tolist()

    def state_dict(self) -> dict[str, Any]:
        """The sums of the epoch so far, of all processes."""
        return {
            "alignment": saved(self.alignment),
            "moments": saved(self.moments),
            "last": global_batches(self.last),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue within the saved epoch, on the same or another number of processes."""
        restore(self.alignment, state["alignment"], own_sum)
        restore(self.moments, state["moments"], own_sum)
        self.last.extend(own_batches(state["last"].to(self.moments.device)))
