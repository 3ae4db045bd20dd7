"""The spectrum of the embeddings: how they are distributed over directions."""

import torch
from jaxtyping import Float
from torch import Tensor


def spectrum(second_moment: Float[Tensor, "dim dim"]) -> Float[Tensor, " dim"]:
    """Eigenvalues of a sum of z z^T as shares of their sum, largest first; NaN if that is not finite or 0.

    An even spread gives 1 / dim everywhere; embeddings on one line give 1, 0, 0, ... Computed on the CPU: a
    GPU takes longer for so small a matrix, waits for its error code, and may lack float64.
    """
    on_cpu = second_moment.cpu()
    if not on_cpu.isfinite().all():
        return second_moment.new_full((len(second_moment),), torch.nan)
    # In float32 the small eigenvalues of a nearly collapsed encoder would be rounding errors.
    eigenvalues = torch.linalg.eigvalsh(on_cpu.double()).clamp_min(0).flip(0)
    return (eigenvalues / eigenvalues.sum()).to(second_moment)


def effective_rank(shares: Float[Tensor, " dim"]) -> Float[Tensor, ""]:
    """exp(-sum p_k log p_k), from 1 to dim: see `EffectiveRank`."""
    return torch.special.entr(shares).sum().exp()


def directions_holding(part: float, shares: Float[Tensor, " dim"]) -> Float[Tensor, ""]:
    """The smallest number of directions that together hold the share `part`; NaN if the spectrum is NaN."""
    # Rounding errors must not add a direction.
    count = (shares.cumsum(0) < part - 1e-6).sum() + 1
    return torch.where(shares.isnan().any(), torch.nan, count)
