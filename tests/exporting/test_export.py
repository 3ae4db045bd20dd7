"""cl-export: each format loaded back as its card says, folders that appear as a whole, and bad input."""

import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cl_lightning import export as command
from cl_lightning import load_backbone
from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.encoders import Encoder, ResNet, SmallConvNet, TimmBackbone
from cl_lightning.exporting import FORMATS, export, trained
from cl_lightning.methods import SimCLR, described
from cl_lightning.pairs import simclr_views
from cl_lightning.runs import RunFolder
from cl_lightning.train import train
from tests.small import SMALL, SMALL_MOCO, config

GRAPHS = ("onnx", "torch-export")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of MoCo v2 with a small network."""
    of_run = config(*SMALL, *SMALL_MOCO, f"run.root={tmp_path_factory.mktemp('run')}")
    train(of_run)
    return RunFolder.of(of_run).path


def saved(network: torch.nn.Module, size: int, path: Path, channels: int = 3) -> Path:
    """A checkpoint of an encoder with this backbone, as after a fit, with statistics of its own."""
    views = simclr_views(size, mean=(0.4,) * channels, std=(0.3,) * channels)
    method = SimCLR(views=views, encoder=Encoder(network))
    with torch.no_grad():
        for name, buffer in method.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    torch.save({"state_dict": method.state_dict(), DESCRIPTION: described.saved(method)}, path)
    return path


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return saved(ResNet(18), 40, tmp_path_factory.mktemp("resnet") / "last.ckpt")


def pixels(channels: int, height: int, width: int, batch: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(256, (batch, channels, height, width), dtype=torch.uint8, generator=generator)


def features(path: Path, images: Tensor, encoder: str = "query") -> Tensor:
    network: Any = load_backbone(path, encoder)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (network.mean, network.std))
    with torch.no_grad():
        return network((images / 255 - mean) / std)


def from_card(folder: Path, **names: Any) -> dict[str, Any]:
    """The names after the code on the card has run in the folder."""
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL)
    before = os.getcwd()
    os.chdir(folder)
    try:
        exec(compile(code, "README.md", "exec"), names)
    finally:
        os.chdir(before)
    return names


@pytest.mark.parametrize("form", ["torchvision", "timm", "safetensors"])
def test_the_code_on_the_card_loads_the_weights(form: str, resnet: Path, tmp_path: Path) -> None:
    done = export(resnet, tmp_path / "out", form)
    assert (done.weights, done.features <= 1e-6) == (0, True)
    network: Any = from_card(done.folder)["network"]
    images = pixels(3, 40, 40)
    with torch.no_grad():
        found = network((images / 255 - 0.4) / 0.3)
    torch.testing.assert_close(found, features(resnet, images), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("form", GRAPHS)
@pytest.mark.parametrize("uint8", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_graph_normalises_images_of_any_batch_and_size(
    form: str, uint8: bool, run: Path, tmp_path: Path
) -> None:
    done = export(run, tmp_path / "out", form, uint8=uint8)
    for shape in ((3, 8, 8), (3, 16, 12)):
        for batch in (1, 5):
            images = pixels(*shape, batch=batch)
            given = images if uint8 else images / 255
            found = from_card(done.folder, images=given.numpy() if form == "onnx" else given)["features"]
            expected = features(run, images)
            differences = (torch.as_tensor(found).detach() - expected).abs()
            assert differences.max() <= 1e-4 * expected.abs().max()


@pytest.mark.parametrize("encoder", ["query", "key"])
def test_either_encoder_of_moco_is_exported(encoder: str, run: Path, tmp_path: Path) -> None:
    done = export(run, tmp_path / "out", "safetensors", encoder)
    images, network = pixels(3, 8, 8), from_card(done.folder)["network"]
    about = json.loads((done.folder / "preprocessing.json").read_text())
    mean, std = (torch.tensor(about[name]).view(-1, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        found = network((images / 255 - mean) / std)
    assert torch.equal(found, features(run, images, encoder))
    other = "key" if encoder == "query" else "query"
    assert not torch.equal(found, features(run, images, other))


@pytest.mark.parametrize(
    ("make", "channels", "size"),
    [
        (lambda: ResNet(18, channels=1), 1, 40),
        (lambda: TimmBackbone("test_vit", size=32), 3, 32),
        (lambda: TimmBackbone("test_resnet", channels=1), 1, 64),
    ],
    ids=["grey resnet", "transformer", "grey timm"],
)
def test_timm_makes_networks_of_other_channels_and_sizes(
    make: Callable[[], torch.nn.Module], channels: int, size: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    file = saved(make(), size, tmp_path / "last.ckpt", channels)
    done = export(file, tmp_path / "out", "timm")
    network, images = from_card(done.folder)["network"], pixels(channels, size, size)
    with torch.no_grad():
        found = network((images / 255 - 0.4) / 0.3)
    torch.testing.assert_close(found, features(file, images), rtol=1e-5, atol=1e-5)
    about = json.loads((done.folder / "config.json").read_text())["pretrained_cfg"]
    assert about["input_size"] == [channels, size, size]
    assert about["mean"] == [0.4] * channels


@pytest.mark.slow
def test_an_export_names_no_file_of_this_machine(run: Path, tmp_path: Path) -> None:
    for form in (*GRAPHS, "safetensors"):
        folder = export(run, tmp_path / form, form).folder
        for file in folder.iterdir():
            content = file.read_bytes()
            for place in (str(Path(torch.__file__).parent), str(Path(__file__).parents[2]), str(run)):
                assert place.encode() not in content, f"{file.name} names {place}"


def test_the_card_of_a_network_of_the_user_s_own_asks_for_it(tmp_path: Path, monkeypatch: Any) -> None:
    class Net(torch.nn.Module):
        features = 3

        def forward(self, images: Tensor) -> Tensor:
            return images.mean((2, 3))

    file, own = saved(Net(), 8, tmp_path / "last.ckpt"), load_backbone
    monkeypatch.setattr(trained, "load_backbone", lambda path, encoder: own(path, encoder, Net()))
    folder = export(file, tmp_path / "out", "safetensors").folder
    assert "Net" in (folder / "README.md").read_text()
    assert not from_card(folder, network=Net())["network"].training


def test_the_card_tells_what_was_trained(run: Path, tmp_path: Path) -> None:
    (run / "evaluation-query.json").write_text(
        json.dumps(
            {"encoder": "query", "results": {"linear_all": {"accuracy": 0.875, "protocol": "L-BFGS; frozen"}}}
        )
    )
    on_others = {
        "encoder": "query",
        "data": {"name": "cifar10", "transfer": True},
        "results": {"map": {"title": "mAP", "value": 0.625, "protocol": "queries"}},
    }
    (run / "evaluation-query-on-cifar10.json").write_text(json.dumps(on_others))
    card = (export(run, tmp_path / "out", "safetensors").folder / "README.md").read_text()
    assert "mAP (query on cifar10): 0.625. queries" in card
    summary = json.loads((run / "summary.json").read_text())
    for told in ("moco_v2", "synthetic", f"{summary['knn_top1']:.3f}", "0.875", "L-BFGS", "info_nce"):
        assert told in card


def test_the_card_of_an_earlier_checkpoint_has_its_steps_and_no_number_of_a_later_one(
    run: Path, tmp_path: Path
) -> None:
    here = Path(shutil.copytree(run, tmp_path / "run"))
    for file in here.glob("evaluation-*"):
        file.unlink()
    earlier = here / "checkpoints" / "step-00000001.ckpt"
    whole = torch.load(here / "checkpoints" / "last.ckpt", weights_only=True)
    torch.save(whole | {"global_step": 1}, earlier)
    result = {"title": "R@1", "value": 0.5, "std": 0.25, "draws": 3, "protocol": "queries"}
    for name, file in {"query": here / "checkpoints" / "last.ckpt", "query-on-x": earlier}.items():
        digest = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        about = {"encoder": name, "checkpoint": digest, "results": {"recall_1": result}}
        (here / f"evaluation-{name}.json").write_text(json.dumps(about))
    (here / "evaluation-key.json").mkdir()  # what can't be read is left out
    cards = {
        source: (
            export(source, tmp_path / f"of {source.name}", "safetensors").folder / "README.md"
        ).read_text()
        for source in (here, earlier)
    }
    assert "| steps | 1 |" in cards[earlier]
    assert "kNN" not in cards[earlier]
    assert "R@1 (query-on-x): 0.500 ± 0.250. queries" in cards[earlier]
    assert "R@1 (query)" not in cards[earlier]
    assert "kNN at the end" in cards[here]
    assert "R@1 (query): 0.500 ± 0.250. queries" in cards[here]
    assert "query-on-x" not in cards[here]


def test_what_a_format_does_not_know_is_refused_with_those_that_do(run: Path, tmp_path: Path) -> None:
    for form in ("torchvision", "timm"):
        with pytest.raises(ConfigError, match=r"SmallConvNet.*safetensors, onnx, torch-export"):
            export(run, tmp_path / "out", form)
    file = saved(ResNet(18, "cifar"), 32, tmp_path / "cifar.ckpt")
    with pytest.raises(ConfigError, match=r"cifar images.*accepted: --format safetensors"):
        export(file, tmp_path / "out", "timm")
    file = saved(ResNet(18, channels=1), 32, tmp_path / "grey.ckpt", channels=1)
    with pytest.raises(ConfigError, match=r"3 channels.*timm"):
        export(file, tmp_path / "out", "torchvision")
    assert not (tmp_path / "out").exists()


def test_nothing_that_exists_is_written_over(run: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ConfigError, match="which exists"):
        export(run, tmp_path / "out", "safetensors")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_a_network_that_onnxruntime_can_not_run_is_refused_with_formats_that_can(tmp_path: Path) -> None:
    source = saved(SmallConvNet((8, 8), (2, 2), 3).double(), 8, tmp_path / "last.ckpt")
    with pytest.raises(ConfigError, match=r"float64.*accepted: --format torch-export"):
        export(source, tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()
    assert export(source, tmp_path / "out", "torch-export").features < 1e-6


@pytest.mark.parametrize("wrong", [{"form": "tflite"}, {"form": "timm", "uint8": True}, {"encoder": "both"}])
def test_wrong_options_are_refused(wrong: dict[str, Any], run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="accepted"):
        export(**{"run": run, "to": tmp_path / "out", "form": "safetensors"} | wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_run_without_a_checkpoint_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="accepted"):
        export(tmp_path / path, tmp_path / "out", "safetensors")


@pytest.mark.parametrize(
    "form", ["safetensors", "torchvision", "torch-export", pytest.param("onnx", marks=pytest.mark.slow)]
)
def test_a_full_disk_leaves_no_folder(form: str, run: Path, resnet: Path, tmp_path: Path) -> None:
    place, source = tmp_path / "out", resnet if form == "torchvision" else run
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as a full disk
    try:
        with pytest.raises(ConfigError, match=r"out.*accepted: --to"):
            export(source, place, form)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_under_the_final_name(run: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal; from cl_lightning.exporting import formats; "
        "formats.card = lambda *a: os.kill(os.getpid(), signal.SIGKILL); "
        f"formats.export({str(run)!r}, {str(tmp_path / 'out')!r}, 'safetensors')"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -9
    assert not (tmp_path / "out").exists()
    assert export(run, tmp_path / "out", "safetensors").weights == 0


def test_the_command_prints_what_it_wrote(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.main([str(run), "--to", str(tmp_path / "out"), "--format", "safetensors"])
    told = capsys.readouterr().out
    assert "model.safetensors" in told
    assert "weights differ by at most 0" in told
    with pytest.raises(SystemExit, match=r"cl-export: .*which exists"):
        command.main([str(run), "--to", str(tmp_path / "out"), "--format", "safetensors"])


def test_the_command_offers_the_formats() -> None:
    assert set(command.FORMATS) == set(FORMATS) == set(command.LIBRARIES)
