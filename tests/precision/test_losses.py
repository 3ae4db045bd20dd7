"""Both losses of embeddings in each precision, against nested loops in float64 over the same numbers."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.losses import oracle
from tests.losses.cases import both_losses
from tests.precision.trained import TEMPERATURE, on_cpu_and_gpu

TOLERANCE = 1e-4  # relative
half = [torch.bfloat16, torch.float16]
inputs = pytest.mark.parametrize("dtype", [torch.float32, *half])
under_autocast = pytest.mark.parametrize("cast", [None, *half])


def close_pairs(dtype: torch.dtype, device: str) -> tuple[Tensor, Tensor]:
    """Two views of 48 images, [48, 32] each, of cosine 0.99."""
    generator = torch.Generator().manual_seed(0)
    z, noise = torch.randn(2, 48, 32, generator=generator)
    return z.to(device, dtype), (z + 0.1 * noise).to(device, dtype)


def autocast(device: str, dtype: torch.dtype | None):
    return nullcontext() if dtype is None else torch.autocast(device, dtype)


@on_cpu_and_gpu
@both_losses
@inputs
@under_autocast
def test_the_loss_of_close_views_is_that_of_float64(loss, expected, dtype, cast, device) -> None:
    z_a, z_b = close_pairs(dtype, device)
    assert F.cosine_similarity(z_a.double(), z_b.double()).min() > 0.95
    with autocast(device, cast):
        found = loss(z_a, z_b, TEMPERATURE)
    assert found.dtype is torch.float32
    assert found.item() == pytest.approx(expected(z_a, z_b, TEMPERATURE), rel=TOLERANCE)


@on_cpu_and_gpu
@both_losses
def test_float64_stays_float64(loss, expected, device) -> None:
    z_a, z_b = close_pairs(torch.float64, device)
    found = loss(z_a, z_b, TEMPERATURE)
    assert found.dtype is torch.float64
    assert found.item() == pytest.approx(expected(z_a, z_b, TEMPERATURE), rel=1e-12)


def plain(z_a: Tensor, z_b: Tensor) -> float:
    """The mistake: NT-Xent in the precision that embeddings and autocast give it."""
    z = F.normalize(torch.cat([z_a, z_b]))
    logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(z_a))).item()


@on_cpu_and_gpu
@pytest.mark.parametrize(
    ("dtype", "cast"), [(torch.bfloat16, None), (torch.float16, None), (torch.float32, torch.bfloat16)]
)
def test_a_loss_in_half_precision_would_be_noticed(dtype, cast, device) -> None:
    z_a, z_b = close_pairs(dtype, device)
    with autocast(device, cast):
        found = plain(z_a, z_b)
    assert abs(found / oracle.nt_xent(z_a, z_b, TEMPERATURE) - 1) > 10 * TOLERANCE
