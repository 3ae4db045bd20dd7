"""Gradients are those of the equations, for whatever requires them."""

import itertools

import pytest
import torch

from cl_lightning.losses import (
    dcl_info_nce,
    hard_info_nce,
    hard_nt_xent,
    info_nce,
    nt_xent,
)
from cl_lightning.losses.streamed import blocks
from tests.losses import matrix
from tests.losses.cases import DTYPES, LOSSES, TEMPERATURES, embeddings, every_loss, queue


@pytest.mark.parametrize("temperature", [0.05, 0.5])
@pytest.mark.parametrize("min_rows", [2, 32])
def test_gradients_agree_with_finite_differences(temperature, min_rows, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(blocks, "MIN_ROWS", min_rows)
    a, b = (z.requires_grad_() for z in embeddings(4, 3))
    negatives = queue(5, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: nt_xent(x, y, temperature), (a, b))
    assert torch.autograd.gradcheck(lambda *x: info_nce(*x, temperature), (a, b, negatives))


@pytest.mark.parametrize("rows", [2, 32])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_one_matrix(name, rows, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 1)
    monkeypatch.setattr(blocks, "MIN_ROWS", rows)
    monkeypatch.setattr(blocks, "PIECE_ROWS", 64)
    loss, _, one_matrix = LOSSES[name]
    a, b = (z.requires_grad_() for z in embeddings(9, 8))
    for temperature in (0.05, 0.5):
        expected = torch.autograd.grad(one_matrix(a, b, temperature), (a, b))
        actual = torch.autograd.grad(loss(a, b, temperature), (a, b))
        torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    ("loss", "one_matrix"),
    [(info_nce, matrix.info_nce), (dcl_info_nce, matrix.dcl_info_nce), (hard_info_nce, matrix.hard_info_nce)],
)
def test_negatives_of_every_length_have_the_gradients_of_one_matrix(loss, one_matrix, monkeypatch):
    monkeypatch.setattr(blocks, "PIECE_ROWS", 64)
    lengths = torch.logspace(-3, 3, 150, dtype=torch.float64)[:, None]
    inputs = (*embeddings(9, 8), queue(150, 8) * lengths)
    for wanted in itertools.product((True, False), repeat=3):
        given = [x.clone().requires_grad_(w) for x, w in zip(inputs, wanted, strict=True)]
        if by := [x for x in given if x.requires_grad]:
            expected = torch.autograd.grad(one_matrix(*given, 0.2), by)
            actual = torch.autograd.grad(loss(*given, 0.2), by)
            torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-13)


def test_false_negatives_that_outweigh_all_others_leave_the_gradient_of_the_clamp():
    a, b = (z.requires_grad_() for z in embeddings(9, 8))
    close = b.detach() + 1e-3
    expected = torch.autograd.grad(matrix.hard_nt_xent(a, close, 0.1, 1.0, 0.9), a)
    assert not torch.equal(expected[0], torch.zeros_like(a))
    torch.testing.assert_close(torch.autograd.grad(hard_nt_xent(a, close, 0.1, 1.0, 0.9), a), expected)


def test_a_batch_of_several_blocks_has_the_gradients_of_one_matrix():
    a, b = (z.requires_grad_() for z in embeddings(700, 16))
    expected = torch.autograd.grad(matrix.nt_xent(a, b, 0.1), (a, b))
    actual = torch.autograd.grad(nt_xent(a, b, 0.1), (a, b))
    assert blocks.BLOCK_ELEMENTS // 1400 < 1400 / 1.5
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-16)


@every_loss
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


@every_loss
def test_a_second_derivative_is_refused(loss, expected):
    a, b = embeddings(6, 8)
    a.requires_grad_()
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss(a, b, 0.1), a, create_graph=True)


@every_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_loss_and_gradients_are_finite(loss, expected, dtype):
    a, b = embeddings(6, 8, dtype)
    one_zero = torch.ones(6, 1, dtype=dtype).index_fill(0, torch.tensor(2), 0)
    kinds = {
        "random": (a, b),
        "zeros": (0 * a, 0 * b),
        "one zero row": (one_zero * a, one_zero.roll(1, 0) * b),
        "equal": (torch.ones_like(a), torch.ones_like(b)),
        "opposite": (a, -a),
        "huge": (a * 1e3, b * 1e3),
        "tiny": (a * 1e-2, b * 1e-2),
    }
    for (kind, views), temperature in itertools.product(kinds.items(), TEMPERATURES):
        given = [z.clone().requires_grad_() for z in views]
        result = loss(*given, temperature)
        result.backward()
        assert result.isfinite(), (kind, temperature)
        for z in given:
            assert z.grad.isfinite().all(), (kind, temperature)
            assert z.grad.dtype == dtype
