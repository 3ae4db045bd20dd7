"""Uniformity: how evenly the embeddings are spread over the sphere."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from cl_lightning.devices import has_float64
from cl_lightning.metrics.sphere import on_sphere, similarity_blocks


class Uniformity(Metric):
    """Logarithm of the mean over pairs of exp(-t |x - y|^2) of the normalised embeddings x and y.

    The uniformity loss of Wang & Isola (arXiv:2005.10242, section 4.2): 0 if all coincide, and lower the
    more evenly they are spread. The mean is over all pairs of different rows of all updates and processes.

    Stores every row (4 dim bytes); in `compute` each process holds the rows of all processes: 26 MB for
    50,000 rows of 128 dimensions. Similarities are computed in float32, in blocks of rows, and summed in
    float64, on devices that have it.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    embeddings: list[Tensor]

    def __init__(self, t: float = 2.0) -> None:
        super().__init__()
        if not t > 0:
            raise ValueError(f"t is {t}; Uniformity takes a number above 0: leave t at 2.0")
        self.t = t
        self.add_state("embeddings", [], dist_reduce_fx="cat")

    def update(self, z: Float[Tensor, "batch dim"]) -> None:
        """Adds the rows of `z`."""
        self.embeddings.append(on_sphere(z))

    def compute(self) -> Float[Tensor, ""]:
        """The logarithm of the mean over all pairs so far; NaN without any."""
        if len(self.embeddings) == 0:
            return torch.tensor(torch.nan, device=self.device)
        return uniformity(dim_zero_cat(self.embeddings), self.t)


def uniformity(z: Float[Tensor, "rows dim"], t: float = 2.0) -> Float[Tensor, ""]:
    """As `Uniformity`, of normalised rows in this process; NaN for fewer than two."""
    wide = torch.float64 if has_float64(z.device) else torch.float32
    total = torch.zeros((), dtype=wide, device=z.device)
    for start, cosine in similarity_blocks(z, z):
        # |x - y|^2 = 2 - 2 cos(x, y) on the sphere
        potential = cosine.sub_(1).mul_(2 * t).exp_()
        potential.diagonal(start).zero_()
        total += potential.sum(dtype=wide)
    return (total / (len(z) * (len(z) - 1))).log().float()
