"""Which parameters decay and which LARS adapts."""

import pytest
import torch
from timm.optim import Lars

from cl_lightning.optim import param_groups
from tests import small


def test_biases_and_norms_do_not_decay_and_nothing_is_left_out() -> None:
    encoder = small.encoder()
    decaying, others = param_groups(encoder)
    assert "weight_decay" not in decaying
    assert others["weight_decay"] == 0.0
    names = {id(p): name for name, p in encoder.named_parameters()}
    assert {names[id(p)] for p in others["params"]} == {
        n for n, p in encoder.named_parameters() if p.ndim == 1
    }
    assert len(decaying["params"]) + len(others["params"]) == len(names)


def test_on_request_all_decay() -> None:
    encoder = small.encoder()
    (everything,) = param_groups(encoder, decay_norms_and_biases=True)
    assert len(everything["params"]) == len(list(encoder.parameters()))
    assert "weight_decay" not in everything


def test_frozen_parameters_are_not_trained() -> None:
    encoder = small.encoder()
    first = next(encoder.parameters()).requires_grad_(False)
    assert all(p is not first for group in param_groups(encoder) for p in group["params"])


@pytest.mark.parametrize("weight_decay", [0.0, 1e-6])
def test_lars_adapts_weights_but_neither_biases_nor_norms(weight_decay: float) -> None:
    """One step from zero momentum; timm's rate is trust x |w| / (|g| + decay x |w|) for weights, 1 else."""
    encoder = small.encoder()
    before = {name: p.detach().clone() for name, p in encoder.named_parameters()}
    optimizer = Lars(
        param_groups(encoder), lr=0.3, momentum=0.9, weight_decay=weight_decay, trust_coeff=0.001
    )
    encoder(torch.randn(8, 3, 8, 8)).square().sum().backward()
    optimizer.step()
    for name, p in encoder.named_parameters():
        w, g = before[name], p.grad
        if p.ndim > 1:
            rate = 0.001 * w.norm() / (g.norm() + weight_decay * w.norm())
            g = rate * (g + weight_decay * w)
        torch.testing.assert_close(p.detach(), w - 0.3 * g, rtol=1e-4, atol=1e-6)
