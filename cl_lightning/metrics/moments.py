"""Moments: how far the embeddings spread, and over how many directions."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from cl_lightning.metrics.spectrum import directions_holding, effective_rank, spectrum
from cl_lightning.metrics.sphere import on_sphere


class Moments(Metric):
    """Mean and second moment of the normalised embeddings, and the quantities that follow from them.

    `embedding_std`: the standard deviation of a coordinate, averaged over coordinates; 1 / sqrt(dim) for an
        even spread, 0 in a collapse (arXiv 2011.10566, section 4.1).
    `spread`: the variance, summed over coordinates; 1 if the mean is 0, 0 if all embeddings are equal.
    `spectrum`: eigenvalues of the second moment as shares, [dim], largest first.
    `effective_rank`: see `EffectiveRank`.
    `largest_share`: the largest share in the spectrum, from 1 / dim to 1.
    `directions_90`: how many directions hold 90 % of the spectrum.
    `centred_rank`: the effective rank of the covariance: in how many directions embeddings differ.

    Sums are kept on the device in float32 and added over processes, so the values are those of all rows
    together. NaN without any row, or if one is not finite.

    Args:
        dim: the dimension of the embeddings.
    """

    full_state_update = False
    total: Tensor
    second_moment: Tensor
    rows: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(dim), dist_reduce_fx="sum")
        self.add_state("second_moment", torch.zeros(dim, dim), dist_reduce_fx="sum")
        self.add_state("rows", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, z: Float[Tensor, "batch dim"]) -> None:
        """Adds the rows of `z`."""
        z = on_sphere(z)
        with torch.autocast(z.device.type, enabled=False):
            self.second_moment += z.T @ z
        self.total += z.sum(0)
        self.rows += len(z)

    def compute(self) -> dict[str, Tensor]:
        """The values by name; all are scalars except `spectrum`."""
        mean = self.total / self.rows
        variance = self.second_moment.diagonal() / self.rows - mean.square()
        shares = spectrum(self.second_moment)
        centred = self.second_moment - torch.outer(mean, self.total)
        return {
            "embedding_std": variance.clamp_min(0).sqrt().mean(),
            "spread": variance.clamp_min(0).sum(),
            "spectrum": shares,
            "effective_rank": effective_rank(shares),
            "largest_share": shares[0],
            "directions_90": directions_holding(0.9, shares),
            "centred_rank": effective_rank(spectrum(centred)),
        }
