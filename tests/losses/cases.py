"""Both losses in the form `loss(anchors, positives, temperature)`, so that one promise tests both."""

import pytest
import torch
from torch import Tensor

from cl_lightning.losses import info_nce, nt_xent
from tests.losses import oracle

TEMPERATURES = [0.005, 0.05, 0.1, 0.2, 1.0, 10.0]
DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def embeddings(n: int, dim: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two views that resemble each other, of every length."""
    generator = torch.Generator().manual_seed(seed)
    z_a, noise = torch.randn(2, n, dim, generator=generator, dtype=torch.float64)
    z_b = z_a + 0.5 * noise
    return z_a.to(dtype), (z_b * torch.linspace(0.2, 3, n, dtype=torch.float64)[:, None]).to(dtype)


def queue(length: int, dim: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(9)
    # Rounded, so that every dtype holds the same rows.
    return torch.randn(length, dim, generator=generator).bfloat16().to(dtype)


def with_queue(function, length: int = 11):
    return lambda a, b, temperature: function(
        a, b, queue(length, a.shape[1], a.dtype).to(a.device), temperature
    )


LOSSES = {
    "nt_xent": (nt_xent, oracle.nt_xent),
    "info_nce": (with_queue(info_nce), with_queue(oracle.info_nce)),
}
both_losses = pytest.mark.parametrize(
    ("loss", "expected"), [pytest.param(*pair, id=name) for name, pair in LOSSES.items()]
)
