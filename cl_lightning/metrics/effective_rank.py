"""Effective rank: how many dimensions the embeddings use."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from cl_lightning.metrics.spectrum import effective_rank, spectrum
from cl_lightning.metrics.sphere import on_sphere


class EffectiveRank(Metric):
    """exp(-sum p_k log p_k) with the eigenvalues of the normalised embeddings' second moments as p.

    p_k = e_k / sum(e), where e are the eigenvalues of the sum of z z^T. From 1 (all embeddings lie on one
    line, as in a collapse) to dim (spread evenly over all directions).

    Differs from the paper (Roy & Vetterli, "The effective rank", EUSIPCO 2007), which takes singular values:
    these eigenvalues of z^T z are their squares, so that rounding errors have no effect. Rows are normalised
    but not centred, because centring would hide a collapse to one point: only noise would remain, and noise
    has a high rank.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    second_moment: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim < 1:
            raise ValueError(f"dim is {dim}; EffectiveRank takes the embeddings' dimension, at least 1")
        self.add_state("second_moment", torch.zeros(dim, dim), dist_reduce_fx="sum")

    def update(self, z: Float[Tensor, "batch dim"]) -> None:
        """Adds the rows of `z` to the [dim, dim] sum."""
        z = on_sphere(z)
        with torch.autocast(z.device.type, enabled=False):
            self.second_moment += z.T @ z

    def compute(self) -> Float[Tensor, ""]:
        """The effective rank of all rows so far; NaN without any, or with one that is not finite."""
        return effective_rank(spectrum(self.second_moment))
