"""What a backbone pools is its feature map."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from cl_lightning.encoders import ResNet, SmallConvNet, TimmBackbone
from cl_lightning.encoders.small_resnet import SmallResNet


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (lambda: ResNet(18), 2),
        (lambda: ResNet(18, "cifar"), 8),
        (lambda: SmallResNet((4, 6), (2, 2), 4), 16),
        (lambda: SmallConvNet((4, 6), (2, 2), 3), 16),
        (lambda: TimmBackbone("test_resnet"), 2),
    ],
    ids=["resnet", "cifar", "small_resnet", "small_conv_net", "timm"],
)
def test_the_mean_of_the_map_is_the_features(make: Callable[[], Any], side: int) -> None:
    torch.manual_seed(0)
    network, images = make().eval(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found, features = network.feature_map(images), network(images)
    assert found.shape == (2, network.features, side, side)
    torch.testing.assert_close(found.mean((2, 3)), features)


def test_a_transformer_gives_its_tokens() -> None:
    network = TimmBackbone("test_vit", size=32).eval()
    with torch.no_grad():
        assert network.feature_map(torch.rand(2, 3, 32, 32)).shape == (2, 5, network.features)
