"""The projector against the papers' description."""

import pytest
import torch
from torch import nn

from cl_lightning.encoders import Projector


def kinds(projector: Projector) -> list[type]:
    return [type(layer) for layer in projector]


def test_simclr_has_two_layers_as_wide_as_the_features():
    projector = Projector(32)
    assert kinds(projector) == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert [layer.weight.shape for layer in projector if isinstance(layer, nn.Linear)] == [
        (32, 32),
        (128, 32),
    ]
    assert projector[0].bias is None
    assert projector[3].bias is not None


@pytest.mark.parametrize("hidden", [None, 16])
def test_moco_v1_has_one_layer_from_the_features(hidden: int | None) -> None:
    projector = Projector(32, hidden, out_features=8, layers=1)
    assert kinds(projector) == [nn.Linear]
    assert projector[0].weight.shape == (8, 32)
    assert projector[0].bias is not None


def test_moco_v2_has_two_layers_with_bias_and_no_batch_norm():
    projector = Projector(32, batch_norm=False)
    assert kinds(projector) == [nn.Linear, nn.ReLU, nn.Linear]
    assert all(layer.bias is not None for layer in projector if isinstance(layer, nn.Linear))


def test_three_layers_with_simclrs_output_batch_norm_without_shift():
    projector = Projector(8, 16, 4, layers=3, output_batch_norm=True)
    linear, norm, relu = nn.Linear, nn.BatchNorm1d, nn.ReLU
    assert kinds(projector) == [linear, norm, relu, linear, norm, relu, linear, norm]
    widths = [(layer.in_features, layer.out_features) for layer in projector if isinstance(layer, linear)]
    assert widths == [(8, 16), (16, 16), (16, 4)]
    assert projector[-1].bias is None
    assert projector[-1].weight.requires_grad
    z = projector(torch.randn(64, 8))
    torch.testing.assert_close(z.mean(0), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(4), rtol=0, atol=1e-2)


def test_an_output_batch_norm_stands_alone_too():
    projector = Projector(8, batch_norm=False, output_batch_norm=True)
    assert kinds(projector) == [nn.Linear, nn.ReLU, nn.Linear, nn.BatchNorm1d]
    assert projector[0].bias is not None
    assert projector[2].bias is None


@pytest.mark.parametrize("layers", [0, 4])
def test_other_numbers_of_layers_are_refused(layers):
    with pytest.raises(ValueError, match=rf"{layers} layers.*encoder\.layers to 1, 2 or 3"):
        Projector(8, layers=layers)
