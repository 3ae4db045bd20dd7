"""Gradients are those of the equations, for whatever requires them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cl_lightning.losses import info_nce, nt_xent, streaming
from tests.losses.cases import DTYPES, TEMPERATURES, both_losses, embeddings, queue


@pytest.mark.parametrize("temperature", [0.05, 0.5])
@pytest.mark.parametrize("min_rows", [2, 32])
def test_gradients_agree_with_finite_differences(temperature, min_rows, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(streaming, "MIN_ROWS", min_rows)
    a, b = (z.requires_grad_() for z in embeddings(4, 3))
    negatives = queue(5, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: nt_xent(x, y, temperature), (a, b))
    assert torch.autograd.gradcheck(lambda *x: info_nce(*x, temperature), (a, b, negatives))


def one_matrix(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z_a)))


def test_a_batch_of_several_blocks_has_the_gradients_of_one_matrix():
    a, b = (z.requires_grad_() for z in embeddings(700, 16))
    expected = torch.autograd.grad(one_matrix(a, b, 0.1), (a, b))
    actual = torch.autograd.grad(nt_xent(a, b, 0.1), (a, b))
    assert streaming.BLOCK_ELEMENTS // 1400 < 1400 / 1.5
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-16)


@both_losses
def test_scaled_losses_have_scaled_gradients(loss, expected):
    a, b = embeddings(6, 8)
    a.requires_grad_()
    (plain,) = torch.autograd.grad(loss(a, b, 0.1), a)
    (scaled,) = torch.autograd.grad(loss(a, b, 0.1) * 1024, a)
    assert torch.equal(scaled, plain * 1024)


def test_only_what_requires_a_gradient_gets_one():
    a, b = embeddings(6, 8)
    negatives = queue(5, 8)
    a.requires_grad_()
    info_nce(a, b, negatives).backward()
    assert a.grad is not None
    assert (b.grad, negatives.grad) == (None, None)
    assert not info_nce(a.detach(), b, negatives).requires_grad


@both_losses
def test_a_second_derivative_is_refused(loss, expected):
    a, b = embeddings(6, 8)
    a.requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss(a, b, 0.1), a, create_graph=True)


@both_losses
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("kind", ["random", "zeros", "one zero row", "equal", "opposite", "huge", "tiny"])
def test_loss_and_gradients_are_finite(loss, expected, dtype, temperature, kind):
    a, b = embeddings(6, 8, dtype)
    if kind == "zeros":
        a, b = torch.zeros_like(a), torch.zeros_like(b)
    elif kind == "one zero row":
        a[2], b[3] = 0, 0
    elif kind == "equal":
        a, b = torch.ones_like(a), torch.ones_like(b)
    elif kind == "opposite":
        b = -a
    elif kind == "huge":
        a, b = a * 1e3, b * 1e3
    elif kind == "tiny":
        a, b = a * 1e-2, b * 1e-2
    a.requires_grad_(), b.requires_grad_()
    result = loss(a, b, temperature)
    result.backward()
    assert result.isfinite()
    assert a.grad.isfinite().all()
    assert b.grad.isfinite().all()
    assert a.grad.dtype == dtype
