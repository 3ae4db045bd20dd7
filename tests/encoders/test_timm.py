"""timm's networks by name: the network is timm's own, and a name or package that is missing is told."""

import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import nn

from cl_lightning import SimCLR, init_weights
from cl_lightning.blueprints import ConfigError, build
from cl_lightning.encoders import Encoder, PolicyBatchNorm, TimmBackbone
from tests import small

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


VIT = "vit_tiny_patch16_224"


def saved_by_timm(folder: Path, model: str = VIT, **settings: Any) -> Path:
    torch.manual_seed(1)
    network = timm.create_model(model, **settings)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    torch.save(network.state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


@pytest.mark.parametrize(
    ("model", "there", "here", "channels"),
    [
        (VIT, 64, 96, 3),
        (VIT, 96, 64, 1),
        ("resnet10t", None, None, 1),
        ("convnext_atto", None, None, 5),
    ],
)
def test_weights_of_another_size_and_other_channels_are_those_that_timm_loads(
    tmp_path: Path, model: str, there: int | None, here: int | None, channels: int
) -> None:
    sizes = [{} if side is None else {"img_size": side} for side in (there, here)]
    file = saved_by_timm(tmp_path, model, **sizes[0])
    theirs = timm.create_model(
        model, pretrained=True, pretrained_cfg_overlay={"file": str(file)}, num_classes=0, in_chans=channels,
        **sizes[1],
    )  # fmt: skip
    backbone = TimmBackbone(model, channels, here or 32)
    weights, told = backbone.adapted(torch.load(file, weights_only=True))
    backbone.load_state_dict({name: w for name, w in weights.items() if "head.fc" not in name}, strict=False)
    ours = backbone.network.state_dict()
    assert {
        name for name, weight in theirs.state_dict().items() if not torch.equal(ours[name], weight)
    } == set()
    assert len(told) > 0
    assert all(" from [" in line for line in told)


def test_weights_that_fit_stay_as_they_are(tmp_path: Path) -> None:
    backbone = TimmBackbone("resnet10t", channels=1)
    own = backbone.state_dict()
    for given in (own, backbone.network.state_dict()):
        weights, told = backbone.adapted(given)
        assert told == []
        assert weights.keys() == own.keys()
        assert all(weight is given.get(name, given.get(name[8:])) for name, weight in weights.items())


def test_weights_that_timm_cannot_adapt_are_refused(tmp_path: Path) -> None:
    weights = torch.load(saved_by_timm(tmp_path, img_size=64), weights_only=True)
    weights["pos_embed"] = torch.zeros(7)
    with pytest.raises(ConfigError, match=r"do not fit timm's vit_tiny.*encoder\.backbone\.model"):
        TimmBackbone(VIT, size=96).adapted(weights)


def test_a_transformer_of_a_run_starts_one_of_another_image_size(tmp_path: Path) -> None:
    first = small_vit(64)
    torch.save(
        {"state_dict": {f"encoder.{n}": w for n, w in first.encoder.state_dict().items()}}, tmp_path / "x"
    )
    method = small_vit(96)
    begun = init_weights(method, tmp_path / "x")
    theirs, ours = (m.encoder.backbone.network.state_dict() for m in (first, method))
    changed = [name for name, weight in theirs.items() if not torch.equal(ours[name], weight)]
    assert changed == ["pos_embed"]
    grid = resample_abs_pos_embed(theirs["pos_embed"], [6, 6], num_prefix_tokens=1)
    torch.testing.assert_close(ours["pos_embed"], grid)
    assert "pos_embed from [1, 17, 64] to [1, 37, 64]" in str(begun)


def test_a_size_that_timm_has_no_rule_for_is_refused_with_its_key(tmp_path: Path) -> None:
    file = saved_by_timm(tmp_path, "cait_xxs24_224", img_size=32)
    method = small.simclr(encoder=Encoder(TimmBackbone("cait_xxs24_224", size=64)))
    with pytest.raises(ConfigError, match=r"pos_embed is \[1, 4, 192\] there.*accepted: .*data\.size"):
        init_weights(method, file)
    init_weights(small.simclr(encoder=Encoder(TimmBackbone("cait_xxs24_224", size=32))), file)


def small_vit(size: int) -> SimCLR:
    return small.simclr(encoder=Encoder(TimmBackbone("test_vit", size=size), out_features=8))
