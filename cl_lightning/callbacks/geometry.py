"""Shape of the embeddings of one epoch."""

from collections import deque

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.metrics import Alignment, Moments, Uniformity

LOGGED = ("alignment", "uniformity", "embedding_std", "effective_rank", "largest_share", "directions_90")


class Geometry:
    """Alignment, uniformity and moments of one stage's embeddings, on their device.

    Alignment and moments are sums over the epoch. Uniformity, which is of pairs, keeps embeddings.

    Args:
        dim: of the embeddings.
        last: how many of the last updates uniformity is of; all by default.
    """

    def __init__(self, dim: int, last: int | None = None) -> None:
        self.alignment, self.uniformity, self.moments = Alignment(), Uniformity(), Moments(dim)
        self.last: deque[Tensor] = deque(maxlen=last)

    def to(self, device: torch.device) -> None:
        """Where the embeddings are."""
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.to(device)

    def update(self, z_a: Float[Tensor, "batch dim"], z_b: Float[Tensor, "batch dim"]) -> None:
        """Adds the embeddings of both views."""
        self.alignment.update(z_a, z_b)
        self.moments.update(z_a)
        self.last.append(z_a)

    def end(self) -> tuple[dict[str, Tensor], list[float]]:
        """The values to log and the spectrum's shares, of all processes; starts anew."""
        for z in self.last:
            self.uniformity.update(z)
        self.last.clear()
        found = self.moments.compute()
        found |= {"alignment": self.alignment.compute(), "uniformity": self.uniformity.compute()}
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.reset()
        return {name: found[name] for name in LOGGED}, found["spectrum"].tolist()
