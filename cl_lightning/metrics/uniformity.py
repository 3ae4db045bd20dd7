"""Are the embeddings spread over the whole sphere?"""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from cl_lightning.metrics.sphere import on_sphere, similarity_blocks


class Uniformity(Metric):
    """Logarithm of the mean over pairs of exp(-t |x - y|^2) of the normalised embeddings x and y.

    The uniformity loss of Wang & Isola (arXiv:2005.10242, section 4.2): 0 when all coincide, lower the
    more evenly they are spread. The mean is over all pairs of different rows *within an update*, counted
    over all updates and ranks: the number grows with no one's memory, and for the pairs of a whole set
    pass the set in one update. Similarities are computed in float32, a block of rows at a time.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    pairs: Tensor

    def __init__(self, t: float = 2.0) -> None:
        super().__init__()
        if not t > 0:
            raise ValueError(f"t is {t}; Uniformity takes a number above 0: leave t at 2.0")
        self.t = t
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("pairs", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, z: Float[Tensor, "batch dim"]) -> None:
        """Adds all pairs of different rows of `z`."""
        z = on_sphere(z)
        for start, cosine in similarity_blocks(z, z):
            # |x - y|^2 = 2 - 2 cos(x, y) on the sphere
            potential = cosine.sub_(1).mul_(2 * self.t).exp_()
            potential.diagonal(start).zero_()
            self.total += potential.sum()
        self.pairs += len(z) * (len(z) - 1)

    def compute(self) -> Float[Tensor, ""]:
        """The logarithm of the mean over all pairs so far; NaN without any."""
        return (self.total / self.pairs).log()
