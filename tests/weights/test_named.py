"""Weights by the names of timm and torchvision, from files where these libraries look; no network."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18, squeezenet1_1

from cl_lightning.blueprints import ConfigError
from cl_lightning.encoders import Encoder, TimmBackbone
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_method
from cl_lightning.runs.beginning import begin_weights
from cl_lightning.runs.contents import with_contents
from cl_lightning.weights import init_weights
from cl_lightning.weights.files import contents
from cl_lightning.weights.named import digest_by_name, is_name, named
from tests import small

PAGE = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^    (cl-train .*(?:torchvision|timm):.*)$", PAGE, flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def _no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty caches in tmp_path, and no way to fill them."""

    def unreachable(url: str, *arguments: object, **named: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    yield
    named.cache_clear()


def refusal(source: str) -> str:
    named.cache_clear()
    with pytest.raises(ConfigError, match=rf"^init\.weights is {re.escape(source)}.*; accepted: ") as refused:
        named(source)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("source", ["torchvision:squeezenet1_1", "torchvision:squeezenet1_1.IMAGENET1K_V1"])
def test_weights_of_torchvision_are_read_where_the_message_wants_them(source: str) -> None:
    told = refusal(source)
    assert "Name or service not known" in told
    (place,) = re.findall(r"accepted: the file of https://\S+ as (\S+squeezenet1_1-\w+\.pth);", told)
    network = squeezenet1_1()
    torch.save(network.state_dict(), place)  # torch.hub has made the folder
    weights, about = named(source)
    assert all(torch.equal(weights[name], w) for name, w in network.state_dict().items())
    assert weights.keys() == network.state_dict().keys()  # with its classifier
    assert "SqueezeNet1_1_Weights.IMAGENET1K_V1" in about
    assert digest_by_name(source) == digest_by_name("torchvision:squeezenet1_1")
    assert contents(Path(place)).keys() == weights.keys()  # init.weights=FILE, as the message says too
    Path(place).write_bytes(Path(place).read_bytes()[:5000])
    assert place in refusal(source)


def cached(folder: Path, network: nn.Module) -> Path:
    """The file of a network's weights in a folder of the Hugging Face cache."""
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    save_file(network.state_dict(), snapshot / "model.safetensors")
    return snapshot / "model.safetensors"


@pytest.mark.parametrize("source", ["timm:test_resnet", "timm:test_resnet.r160_in1k"])
def test_weights_of_timm_are_read_where_the_message_wants_them(source: str) -> None:
    (folder,) = re.findall(r"the file of https://\S+/model\.safetensors in (\S+), copied", refusal(source))
    assert Path(folder).name == "models--timm--test_resnet.r160_in1k"
    network = timm.create_model("test_resnet")
    file = cached(Path(folder), network)
    torch.manual_seed(3)
    weights, about = named(source)
    assert torch.initial_seed() == 3
    after = torch.rand(1)
    assert torch.equal(after, torch.manual_seed(3) and torch.rand(1))  # nothing was drawn
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(weights[name], w) for name, w in network.state_dict().items())
    assert about == "timm's test_resnet.r160_in1k"
    own = TimmBackbone("test_resnet").adapted(weights)[0]
    TimmBackbone("test_resnet").load_state_dict({n: w for n, w in own.items() if ".fc." not in n})
    assert contents(file).keys() == weights.keys()  # init.weights=FILE
    file.write_bytes(b"broken")
    assert folder in refusal(source)


@pytest.mark.parametrize(
    ("source", "near"),
    [
        ("torchvision:resnet5", "resnet50"),
        ("torchvision:", "torchvision.models.list_models()"),
        ("torchvision:resnet50.IMAGENET1K_V3", "torchvision:resnet50.IMAGENET1K_V2"),
        ("torchvision:resnet50.a1_in1k", "torchvision:resnet50.IMAGENET1K_V1"),
        ("timm:resnet5", "resnet50"),
        ("timm:resnet50.a1_in2k", "resnet50.a1_in1k"),
        ("timm:resnet10t_unheard", "timm.list_pretrained()"),
        ("timm:hf_hub:timm/resnet18.a1_in1k", "init.weights=FILE"),
        ("timm:hf-hub:somebody/something", "init.weights=FILE"),
        ("timm:local-dir:/tmp", "init.weights=FILE"),
        ("timm:", "timm.list_pretrained()"),
    ],
)
def test_an_unknown_name_is_refused_with_what_comes_close(source: str, near: str) -> None:
    assert near in refusal(source)


def test_a_network_without_weights_is_refused() -> None:
    (without, *_) = set(timm.list_models()) - {name.partition(".")[0] for name in timm.list_pretrained()}
    assert "for which timm has no weights" in refusal(f"timm:{without}")


def test_without_timm_the_extra_is_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"init\.weights needs timm.*pip install 'cl_lightning\[timm\]'$"):
        named("timm:resnet50")


@pytest.mark.parametrize(
    ("source", "is_one"),
    [("timm:x", True), ("torchvision:x", True), ("timm", False), ("runs/timm:x", False), ("C:x", False)],
)
def test_names_are_told_from_paths(source: str, is_one: bool) -> None:
    assert is_name(source) is is_one


def test_a_method_begins_with_named_weights_of_another_size_and_says_so(tmp_path: Path) -> None:
    network = timm.create_model("test_vit")
    cached(tmp_path / "hf" / "hub" / "models--timm--test_vit.r160_in1k", network)
    backbone = TimmBackbone("test_vit", size=96)
    begun = init_weights(small.simclr(encoder=Encoder(backbone)), "timm:test_vit")
    for name, weight in backbone.network.state_dict().items():
        assert name == "pos_embed" or torch.equal(weight, network.state_dict()[name])
    assert "pos_embed from [1, 101, 64] to [1, 37, 64] by timm" in str(begun)
    assert "head.* (2)" in str(begun)  # left over
    assert "timm's test_vit.r160_in1k" in str(begun)


@pytest.mark.parametrize("command", NAMED, ids=lambda command: command.split(":")[-1])
def test_a_command_of_the_page_begins_with_the_weights_of_its_name(command: str, tmp_path: Path) -> None:
    network = resnet18()
    place = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    place.parent.mkdir(parents=True)
    torch.save(network.state_dict(), place)
    cached(tmp_path / "hf" / "hub" / "models--timm--resnet18.a1_in1k", network)
    config = with_contents(small.config(*shlex.split(command)[1:], f"run.root={tmp_path}"))
    method: Any = assemble_method(config)
    begin_weights(method, config, RunFolder.of(config))
    assert ("backbone", "100 weights") in method.begun.lines
    assert named.cache_info().currsize == 0
    weights = method.encoder.backbone.state_dict()
    prefix = "network." if "encoder=timm" in command else ""
    for name, weight in network.state_dict().items():
        assert name.startswith("fc.") or torch.equal(weights[prefix + name], weight)


def test_a_run_that_goes_on_does_not_keep_them_in_memory(tmp_path: Path) -> None:
    cached(tmp_path / "hf" / "hub" / "models--timm--test_vit.r160_in1k", timm.create_model("test_vit"))
    model = ("encoder=timm", "encoder.backbone.model=test_vit", "init.weights=timm:test_vit")
    config = with_contents(small.config(*model, f"run.root={tmp_path}"))
    assert named.cache_info().currsize == 1
    folder = RunFolder.of(config)
    folder.checkpoint.parent.mkdir(parents=True)
    folder.checkpoint.touch()
    method: Any = assemble_method(config)
    begin_weights(method, config, folder)
    assert method.begun is None
    assert named.cache_info().currsize == 0
