"""NNCLR's support set: past embeddings, from which nearest neighbours are taken."""

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.callbacks.first_in_first_out import FirstInFirstOut
from cl_lightning.metrics.sphere import normalise, similarity_blocks


class SupportSet(FirstInFirstOut):
    """The last `length` embeddings of one view of each image; see `FirstInFirstOut`.

    Args:
        length: the number of embeddings (the paper's m).
        seed: the seed of the unit vectors at the start.

    Raises:
        ValueError: see `FirstInFirstOut`.
    """

    part = "support_set"
    title, line, content = "support set", "support set", "embeddings"
    of_own = "the nearest neighbour of an image may be an older embedding of itself"

    def __init__(self, length: int = 98304, seed: int = 0) -> None:
        super().__init__(length, seed)

    @torch.no_grad()
    def nearest(self, z: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch dim"]:
        """For each row the most similar embedding (cosine) in the set; of unit length, without gradient."""
        z = normalise(z, self.keys.dtype)
        largest = z.new_full((len(z),), -torch.inf)
        place = torch.zeros(len(z), dtype=torch.int64, device=z.device)
        for first, cosines in similarity_blocks(self.keys, z):
            cosine, row = cosines.max(0)
            place = torch.where(cosine > largest, first + row, place)
            largest = torch.maximum(cosine, largest)
        return self.keys[place]
