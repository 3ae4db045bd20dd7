"""All losses in the form `loss(anchors, positives, temperature)`, so that one promise tests all."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from cl_lightning.distributed import own_share, world_size
from cl_lightning.losses import (
    dcl,
    dcl_info_nce,
    hard_info_nce,
    hard_nt_xent,
    info_nce,
    neighbour_nce,
    nt_xent,
    sup_con,
)
from tests.losses import matrix, oracle

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


def labels(images: int) -> Tensor:
    """Of a global batch: classes of several sizes, and images without a label."""
    return torch.tensor([0, 1, 0, -1, 2, -1, 1, 0])[torch.arange(images) % 8]


def with_queue(function: Callable[..., Any], length: int = 11, **arguments: float) -> Callable[..., Any]:
    def loss(a: Tensor, b: Tensor, temperature: float) -> Any:
        negatives = queue(length, a.shape[1], a.dtype).to(a.device)
        return function(a, b, negatives, temperature, **arguments)

    return loss


def with_labels(function: Callable[..., Any]) -> Callable[..., Any]:
    def loss(a: Tensor, b: Tensor, temperature: float) -> Any:
        return function(a, b, own_share(labels(len(a) * world_size())), temperature)

    return loss


# The loss, and the same by nested loops and by one matrix.
LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., float], Callable[..., Tensor]]] = {
    "nt_xent": (nt_xent, oracle.nt_xent, matrix.nt_xent),
    "info_nce": tuple(map(with_queue, (info_nce, oracle.info_nce, matrix.info_nce))),
    "dcl": (dcl, oracle.dcl, matrix.dcl),
    "dcl, weighted": tuple(partial(f, sigma=0.5) for f in (dcl, oracle.dcl, matrix.dcl)),
    "dcl_info_nce": tuple(map(with_queue, (dcl_info_nce, oracle.dcl_info_nce, matrix.dcl_info_nce))),
    "dcl_info_nce, weighted": tuple(
        with_queue(f, sigma=0.5) for f in (dcl_info_nce, oracle.dcl_info_nce, matrix.dcl_info_nce)
    ),
    "hard_nt_xent": (hard_nt_xent, oracle.hard_nt_xent, matrix.hard_nt_xent),
    "hard_nt_xent, even": tuple(
        partial(f, beta=0.0, tau_plus=0.2) for f in (hard_nt_xent, oracle.hard_nt_xent, matrix.hard_nt_xent)
    ),
    "hard_info_nce": tuple(map(with_queue, (hard_info_nce, oracle.hard_info_nce, matrix.hard_info_nce))),
    "sup_con": tuple(map(with_labels, (sup_con, oracle.sup_con, matrix.sup_con))),
    "neighbour_nce": (neighbour_nce, oracle.neighbour_nce, matrix.neighbour_nce),
}  # type: ignore[assignment]
AMONG_OTHER_IMAGES = ("dcl", "dcl, weighted", "hard_nt_xent", "hard_nt_xent, even")  # at least two

every_loss = pytest.mark.parametrize(
    ("loss", "expected"), [pytest.param(*LOSSES[name][:2], id=name) for name in LOSSES]
)
both_losses = pytest.mark.parametrize(
    ("loss", "expected"), [pytest.param(*LOSSES[name][:2], id=name) for name in ("nt_xent", "info_nce")]
)
