"""Shape of the embeddings of one epoch."""

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.metrics import Alignment, Moments, Uniformity

LOGGED = ("alignment", "uniformity", "embedding_std", "effective_rank", "largest_share", "directions_90")


class Geometry:
    """Alignment, uniformity and moments of one stage's embeddings, summed up on their device.

    Args:
        dim: of the embeddings.
    """

    def __init__(self, dim: int) -> None:
        self.alignment, self.uniformity, self.moments = Alignment(), Uniformity(), Moments(dim)

    def to(self, device: torch.device) -> None:
        """Where the embeddings are."""
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.to(device)

    def update(self, z_a: Float[Tensor, "batch dim"], z_b: Float[Tensor, "batch dim"]) -> None:
        """Adds the embeddings of both views."""
        self.alignment.update(z_a, z_b)
        self.uniformity.update(z_a)
        self.moments.update(z_a)

    def end(self) -> tuple[dict[str, Tensor], list[float]]:
        """The values to log and the spectrum's shares, of all processes; starts anew."""
        found = self.moments.compute()
        found |= {"alignment": self.alignment.compute(), "uniformity": self.uniformity.compute()}
        for metric in (self.alignment, self.uniformity, self.moments):
            metric.reset()
        return {name: found[name] for name in LOGGED}, found["spectrum"].tolist()
