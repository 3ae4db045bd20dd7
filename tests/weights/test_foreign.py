"""Files of other programs: the method computes what the file's network computes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cl_lightning import MoCoV2, SimCLR, init_weights
from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.weights import parts_of
from tests import small
from tests.weights.foreign import (
    FILES,
    QUEUE,
    File,
    bolts_moco,
    bolts_simclr,
    leftthomas,
    lightly_moco,
    lightly_simclr,
    moco_v1,
    moco_v2,
    solo_learn_moco,
    torchvisions,
    unknown,
)

# One for each way of naming; the others are slow tests.
QUICK = (moco_v1, moco_v2, lightly_moco, bolts_simclr, leftthomas, torchvisions, unknown)
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def encoder(file: File) -> Encoder:
    return Encoder(ResNet(18), **file.projector)


def written(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "maker", [pytest.param(m, marks=[pytest.mark.slow] * (m not in QUICK)) for m in FILES]
)
def test_the_method_computes_what_the_file_s_networks_compute(
    maker: Callable[[], File], tmp_path: Path
) -> None:
    file = maker()
    path = written(file.content, tmp_path / "file.pth")
    method = SimCLR(encoder=encoder(file))
    projector = {n: w.clone() for n, w in method.encoder.projector.state_dict().items()}
    begun = init_weights(method, path)
    method.eval()
    torch.testing.assert_close(method.encoder.backbone(IMAGES), file.features(IMAGES), **CLOSE)
    assert all(torch.equal(w, projector[n]) for n, w in method.encoder.projector.state_dict().items())
    assert dict(begun.lines)["backbone"] == "100 weights"
    if file.embed is not None:
        init_weights(method, path, ["projector"])
        torch.testing.assert_close(method.encoder(IMAGES), file.embed(IMAGES), **CLOSE)


@pytest.mark.parametrize("maker", [moco_v1, moco_v2, bolts_moco, lightly_moco])
def test_moco_begins_with_key_encoder_and_queue_of_the_file(
    maker: Callable[[], File], tmp_path: Path
) -> None:
    file = maker()
    assert file.key is not None
    assert file.queue is not None
    method = MoCoV2(encoder=encoder(file))
    init_weights(method, written(file.content, tmp_path / "file.pth"), "all")
    key = encoder(file)
    key.load_state_dict(method.begins_with[MomentumEncoder.part]["encoder"])
    torch.testing.assert_close(method.eval().encoder(IMAGES), file.embed(IMAGES), **CLOSE)  # type: ignore[misc]
    torch.testing.assert_close(key.eval()(IMAGES), file.key(IMAGES), **CLOSE)
    state = method.begins_with[NegativeQueue.part]
    assert torch.equal(state["keys"], file.queue[0])
    assert (state["pointer"], state["enqueued"]) == (file.queue[1], QUEUE)


def test_two_queues_are_refused_and_the_rest_is_taken(tmp_path: Path) -> None:
    file = solo_learn_moco()
    path, method = written(file.content, tmp_path / "file.pth"), MoCoV2(encoder=encoder(file))
    before = [w.clone() for w in method.parameters()]
    with pytest.raises(ConfigError, match=r"\[2, 128, 1024\].*init.parts without queue"):
        init_weights(method, path, "all")
    assert all(map(torch.equal, before, method.parameters())), "a refused file changed something"
    assert not method.begins_with
    init_weights(method, path, [part for part in parts_of(method) if part != "queue"])
    assert file.key is not None
    key = encoder(file)
    key.load_state_dict(method.begins_with["key_encoder"]["encoder"])
    torch.testing.assert_close(key.eval()(IMAGES), file.key(IMAGES), **CLOSE)


def test_what_holds_the_weights_is_not_left_over_and_what_does_not_is(tmp_path: Path) -> None:
    method = small.simclr()
    weights = method.encoder.backbone.state_dict()
    averaged = {name: w + 1 for name, w in weights.items()}
    content = {"a": {"b": {"c": weights}}, "averaged": averaged, "epoch": 3}
    begun = init_weights(method, written(content, tmp_path / "file.pth"))
    assert dict(begun.lines)["left over"] == "averaged, epoch"


@pytest.mark.parametrize("pointer", [[QUEUE], [-1], [torch.nan], []])
def test_a_queue_that_begins_outside_of_itself_is_refused(pointer: list[float], tmp_path: Path) -> None:
    file = moco_v2()
    content = file.content["state_dict"] | {"module.queue_ptr": torch.tensor(pointer)}
    method = MoCoV2(encoder=encoder(file))
    with pytest.raises(ConfigError, match=r"that begins at.*init\.parts without queue"):
        init_weights(method, written({"state_dict": content}, tmp_path / "file.pth"), "all")
    assert not method.begins_with


@pytest.mark.parametrize("prefix", ["student.", "student.net."])
def test_one_prefix_that_no_program_has_is_found_and_two_are_refused(prefix: str, tmp_path: Path) -> None:
    """Also for a network of one child, whose names can be told in two ways."""
    method = small.simclr()
    weights = method.encoder.backbone.state_dict()
    one = {f"{prefix}{name}": w + 1 for name, w in weights.items()}
    path = written(one, tmp_path / "file.pth")
    init_weights(method, path)
    assert all(torch.equal(w, one[prefix + n]) for n, w in method.encoder.backbone.state_dict().items())
    two = one | {f"teacher.{name}": w for name, w in weights.items()}
    with pytest.raises(ConfigError, match=f"below {prefix}, teacher"):
        init_weights(method, written(two, path))


def test_a_bias_that_our_projector_lacks_is_refused_unless_it_is_0(tmp_path: Path) -> None:
    file = lightly_simclr()
    method, path = SimCLR(encoder=encoder(file)), tmp_path / "file.pth"
    with pytest.raises(ConfigError, match="has a bias"):
        init_weights(method, written(file.content, path), ["projector"])
    with pytest.raises(ConfigError, match=r"accepted: init\.parts without projector"):  # no keys would do
        init_weights(SimCLR(encoder=Encoder(ResNet(18))), path, ["projector"])
    file.content["state_dict"]["projection_head.layers.4.bias"].zero_()
    init_weights(method, written(file.content, path), ["projector"])


@pytest.mark.parametrize("form", ["before_1_6", "safetensors", "compiled"])
def test_other_forms_of_a_file_have_the_same_weights(form: str, tmp_path: Path) -> None:
    file = torchvisions()
    path = tmp_path / "file"
    if form == "safetensors":
        save_file({name: w.contiguous() for name, w in file.content.items()}, path)
    elif form == "compiled":
        torch.save({f"_orig_mod.{name}": w for name, w in file.content.items()}, path)
    else:
        torch.save(file.content, path, _use_new_zipfile_serialization=False)
    method = SimCLR(encoder=encoder(file))
    begun = init_weights(method, path)
    torch.testing.assert_close(method.eval().encoder.backbone(IMAGES), file.features(IMAGES), **CLOSE)
    assert "fc.* (2)" in dict(begun.lines)["left over"]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_other_channels_follow_the_stated_rule(channels: int, tmp_path: Path) -> None:
    file = torchvisions()
    method = SimCLR(encoder=Encoder(ResNet(18, channels=channels)))
    begun = init_weights(method, written(file.content, tmp_path / "file.pth"))
    there, here = file.content["conv1.weight"], method.encoder.backbone.conv1.weight
    assert "conv1.weight" in dict(begun.lines)["backbone"]
    if channels == 1:
        torch.testing.assert_close(here, there.sum(1, keepdim=True))
    else:
        expected = torch.stack([there[:, c % 3] for c in range(channels)], dim=1) * 3 / channels
        torch.testing.assert_close(here, expected)
    if channels != 2:  # the same features for an image with equal channels
        grey = IMAGES[:, :1]
        features = method.eval().encoder.backbone(grey.expand(-1, channels, -1, -1))
        torch.testing.assert_close(features, file.features(grey.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-4)


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    file = moco_v2()
    halves = {n: w.half() if w.is_floating_point() else w for n, w in file.content["state_dict"].items()}
    method = SimCLR(encoder=encoder(file))
    begun = init_weights(method, written({"state_dict": halves}, tmp_path / "file.pth"))
    assert ("differs", "float16 there, float32 here") in begun.lines
    weight = method.encoder.backbone.conv1.weight
    assert torch.equal(weight, halves["module.encoder_q.conv1.weight"].float())
