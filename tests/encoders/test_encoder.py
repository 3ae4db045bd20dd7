"""The encoder as a whole."""

import copy
import itertools

import pytest
import torch
from torch import nn

from cl_lightning.encoders import Encoder, PolicyBatchNorm, ResNet, SmallConvNet, SmallResNet


class Flat(nn.Module):
    """A user's own backbone: mean colours."""

    def forward(self, images):
        return images.mean((2, 3))


@pytest.mark.parametrize("policy", ["sync", "split", "shuffle", "plain"])
def test_embeddings_are_the_projected_features_of_the_backbone(policy):
    groups = 4 if policy in ("split", "shuffle") else 1
    encoder = Encoder(SmallResNet(), 32, 16, batch_norm=policy, batch_norm_groups=groups).eval()
    images = torch.randn(8, 3, 16, 16)
    z = encoder(images)
    assert z.shape == (8, encoder.out_features) == (8, 16)
    assert encoder.backbone(images).shape == (8, encoder.features) == (8, 96)
    torch.testing.assert_close(encoder.projector(encoder.backbone(images)), z, rtol=1e-5, atol=1e-5)


def test_one_group_of_the_whole_batch_is_sync():
    sync = Encoder(SmallConvNet(), layers=3, output_batch_norm=True).double()
    with pytest.warns(UserWarning, match="no effect"):
        split = Encoder(SmallConvNet(), layers=3, output_batch_norm=True, batch_norm="split").double()
    split.load_state_dict(sync.state_dict())
    images = torch.randn(8, 1, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(split(images), sync(images), rtol=1e-10, atol=1e-10)


def test_split_is_the_encoder_on_each_group_alone():
    encoder = Encoder(SmallResNet(), batch_norm="split", batch_norm_groups=4).double()
    alone = copy.deepcopy(encoder)
    for layer in alone.modules():
        if isinstance(layer, PolicyBatchNorm):
            layer.groups = 1
    images = torch.randn(16, 3, 8, 8, dtype=torch.float64)
    expected = torch.cat([alone(group) for group in images.chunk(4)])
    torch.testing.assert_close(encoder(images), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backbone", [ResNet, SmallResNet, SmallConvNet], ids=lambda b: b.__name__)
@pytest.mark.parametrize("projector_batch_norm", [True, False])
def test_no_layer_directly_before_a_batch_norm_has_a_bias(backbone, projector_batch_norm):
    encoder = Encoder(
        backbone(),
        layers=3,
        projector_batch_norm=projector_batch_norm,
        output_batch_norm=projector_batch_norm,
    )
    layers = [layer for layer in encoder.modules() if not list(layer.children())]
    before = [first for first, second in itertools.pairwise(layers) if isinstance(second, PolicyBatchNorm)]
    assert len(before) > 5
    assert all(isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is None for layer in before)


def test_weights_and_activations_are_channels_last():
    encoder = Encoder(SmallResNet())
    seen = []
    encoder.backbone.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    encoder(torch.randn(4, 3, 16, 16))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    weight = encoder.backbone.blocks[0].first[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_a_users_backbone_works_with_a_feature_size():
    assert Encoder(Flat(), out_features=5, features=3)(torch.randn(4, 3, 8, 8)).shape == (4, 5)
    backbone = Flat()
    backbone.features = 3
    assert Encoder(backbone, out_features=5)(torch.randn(4, 3, 8, 8)).shape == (4, 5)


@pytest.mark.parametrize("attribute", [None, nn.Linear(2, 2)])
def test_an_unknown_feature_size_is_refused(attribute):
    backbone = Flat()
    if attribute is not None:
        backbone.features = attribute  # as torchvision's VGG and DenseNet have it
    with pytest.raises(ValueError, match=r"feature size of Flat.*encoder\.features"):
        Encoder(backbone)


@pytest.mark.parametrize("images", [torch.zeros(4, 3, 8, 8), torch.zeros(4, 7, 8, 8)])
def test_a_wrong_feature_size_is_refused(images):
    with pytest.raises(ValueError, match=r"\(4, \d\).*\[batch, 5\].*encoder\.features"):
        Encoder(Flat(), features=5)(images)


def test_a_state_dict_fits_every_policy():
    first = Encoder(SmallConvNet(), batch_norm="plain")
    second = Encoder(SmallConvNet(), batch_norm="split", batch_norm_groups=8)
    second.load_state_dict(first.state_dict(), strict=True)
    images = torch.randn(3, 1, 12, 12)
    assert torch.equal(first.eval()(images), second.eval()(images))


def test_a_copy_is_independent():
    encoder = Encoder(SmallConvNet())
    key = copy.deepcopy(encoder)
    encoder(torch.randn(8, 1, 12, 12))
    assert key.backbone.layers[0][1].num_batches_tracked == 0
    assert key.backbone.layers[0][1].running_mean.abs().sum() == 0


def test_bfloat16_autocast_trains():
    encoder = Encoder(SmallResNet(), batch_norm="split", batch_norm_groups=2)
    with torch.autocast("cpu", torch.bfloat16):
        z = encoder(torch.randn(8, 3, 16, 16))
    z.float().square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())
