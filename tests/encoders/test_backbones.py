"""The backbones: shapes, torchvision's weights, and their refusals."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18, resnet50

from cl_lightning.encoders import Encoder, ResNet, SmallConvNet, SmallResNet


@pytest.mark.parametrize(
    ("backbone", "channels", "size"),
    [
        (ResNet(18), 3, 64),
        (ResNet(34, "cifar"), 3, 16),
        (ResNet(50, channels=1), 1, 64),
        (SmallResNet(), 3, 32),
        (SmallResNet(widths=(8, 8), strides=(1, 1), stem_width=8, channels=1), 1, 8),
        (SmallConvNet(), 1, 24),
        (SmallConvNet(widths=(8, 16), strides=(2, 2), channels=3), 3, 8),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_feature_size_is_known_beforehand(backbone, channels, size):
    h = backbone(torch.randn(2, channels, size, size))
    assert h.shape == (2, backbone.features)
    assert h.isfinite().all()


@pytest.mark.parametrize(("depth", "features"), [(18, 512), (34, 512), (50, 2048), (101, 2048), (152, 2048)])
def test_resnet_has_the_papers_feature_size(depth, features):
    with torch.device("meta"):
        assert ResNet(depth).features == features


@pytest.mark.parametrize(("depth", "model"), [(18, resnet18), (50, resnet50)])
def test_torchvision_weights_load_strictly_also_after_the_policy(depth, model):
    theirs = model(weights=None)
    theirs.fc = nn.Identity()
    ours = ResNet(depth)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    encoder = Encoder(ours, batch_norm="split", batch_norm_groups=2)
    encoder.backbone.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            encoder.eval().backbone(images), theirs.eval()(images), rtol=1e-4, atol=1e-4
        )


def test_the_same_seed_gives_torchvisions_initial_weights():
    torch.manual_seed(0)
    theirs = resnet18(weights=None)
    torch.manual_seed(0)
    ours = ResNet(18)
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())


def test_the_cifar_stem_keeps_the_image_size():
    backbone = ResNet(18, "cifar")
    stem = nn.Sequential(backbone.conv1, backbone.bn1, backbone.relu, backbone.maxpool)
    assert stem(torch.randn(2, 3, 32, 32)).shape == (2, 64, 32, 32)
    assert backbone.conv1.kernel_size == (3, 3)


def test_the_imagenet_stem_quarters_the_image_size():
    backbone = ResNet(18, channels=1)
    stem = nn.Sequential(backbone.conv1, backbone.bn1, backbone.relu, backbone.maxpool)
    assert stem(torch.randn(2, 1, 64, 64)).shape == (2, 64, 16, 16)


@pytest.mark.parametrize(
    "backbone",
    [ResNet(18, "cifar", channels=4), SmallResNet(), SmallConvNet()],
    ids=lambda b: type(b).__name__,
)
def test_convolutions_start_as_kaiming_normal_of_fan_out(backbone):
    for conv in (layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d)):
        fan_out = conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1]
        assert conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.2)


def test_small_resnet_projects_the_shortcut_only_where_the_shape_changes():
    blocks = SmallResNet(widths=(8, 8, 16, 16), strides=(1, 2, 1, 1), stem_width=8).blocks
    assert [isinstance(block.shortcut, nn.Identity) for block in blocks] == [True, False, False, True]


@pytest.mark.parametrize("build", [SmallResNet, SmallConvNet])
@pytest.mark.parametrize(("widths", "strides"), [((8, 8), (1,)), ((), ())])
def test_widths_and_strides_that_differ_are_refused(build, widths, strides):
    with pytest.raises(ValueError, match=r"encoder\.backbone\.strides"):
        build(widths=widths, strides=strides)


def test_unknown_depths_and_stems_are_refused():
    with pytest.raises(ValueError, match=r"depth 20.*encoder\.backbone\.depth.*18, 34, 50, 101, 152"):
        ResNet(20)
    with pytest.raises(ValueError, match=r"'stl'.*encoder\.backbone\.stem"):
        ResNet(18, "stl")
