"""timm's networks by name: the network is timm's own, and a name or package that is missing is told."""

import sys

import pytest
import timm
import torch

from cl_lightning.blueprints import ConfigError, build
from cl_lightning.encoders import Encoder, PolicyBatchNorm, TimmBackbone

# A ResNet, a net whose BatchNorms have an activation, one without BatchNorm, one of a fixed size, and one
# whose features pass another layer than the last stage.
MODELS = [
    ("resnet10t", 32, 512),
    ("efficientnet_lite0", 32, 1280),
    ("convnext_atto", 32, 320),
    ("vit_tiny_patch16_224", 48, 192),
    ("mobilenetv3_small_050", 32, 1024),
]


@pytest.mark.parametrize(("model", "size", "features"), MODELS, ids=[m[0] for m in MODELS])
def test_the_features_are_timms_own_for_the_same_weights(model: str, size: int, features: int) -> None:
    backbone = TimmBackbone(model, channels=1, size=size)
    sized = {"img_size": size} if model.startswith("vit") else {}
    theirs = timm.create_model(model, num_classes=0, in_chans=1, **sized)
    theirs.load_state_dict(backbone.network.state_dict())
    images = torch.randn(2, 1, size, size)
    with torch.no_grad():
        h = backbone.eval()(images)
        assert torch.equal(h, theirs.eval()(images))
    assert h.shape == (2, features)
    assert backbone.features == features


def test_the_batchnorm_policy_reaches_timms_layers_and_keeps_what_they_compute() -> None:
    torch.manual_seed(0)
    backbone = TimmBackbone("efficientnet_lite0", size=32)
    images = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        before = backbone.eval()(images)
        encoder = Encoder(backbone, batch_norm="split", batch_norm_groups=2).eval()
        torch.testing.assert_close(encoder.backbone(images), before, rtol=1e-4, atol=1e-4)
    norms = [m for m in backbone.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    assert len(norms) > 40
    assert all(isinstance(norm, PolicyBatchNorm) and norm.policy == "split" for norm in norms)


def test_a_blueprint_builds_it_and_what_made_it_is_kept() -> None:
    node = {"_target_": "cl_lightning.encoders.TimmBackbone", "model": "resnet10t", "channels": 1, "size": 16}
    backbone = build(node, "encoder.backbone")
    assert (backbone.model, backbone.channels, backbone.size) == ("resnet10t", 1, 16)


@pytest.mark.parametrize(
    ("model", "near"),
    [
        ("convnext_tiney", "convnext_tiny"),
        ("hf-hub:timm/resnet18.a1_in1k", "timm.list_models()"),
        ("", "timm"),
    ],
)
def test_an_unknown_name_is_refused_with_what_comes_close(model: str, near: str) -> None:
    with pytest.raises(ValueError, match=r"set encoder\.backbone\.model to one of") as refused:
        TimmBackbone(model)
    assert near in str(refused.value)


def test_a_size_that_the_network_cannot_take_is_refused_with_its_key() -> None:
    node = {
        "_target_": "cl_lightning.encoders.TimmBackbone",
        "model": "swin_tiny_patch4_window7_224",
        "size": 0,
    }
    with pytest.raises(ConfigError, match=r"^encoder\.backbone"):
        build(node, "encoder.backbone")


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"needs timm.*pip install 'cl_lightning\[timm\]'$"):
        build({"_target_": "cl_lightning.encoders.TimmBackbone"}, "encoder.backbone")
