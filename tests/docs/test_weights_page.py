"""What docs/weights.md shows works: its commands run with tiny files under the names that it uses."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning import MoCoV2, evaluate, train
from cl_lightning.encoders import Encoder, ResNet
from tests.docs.readme_world import make_world
from tests.docs.test_readme import made_small
from tests.weights.foreign import QUEUE, moco_v2

PAGE = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (cl-[a-z]+ .*)$", PAGE, flags=re.MULTILINE)
OF_MOCO = "moco_v2_800ep_pretrain.pth.tar"


@pytest.fixture
def _in_its_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_world(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    torch.save(moco_v2().content, OF_MOCO)


def trained(command: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the run of a command, with what makes it small added: ResNet-18 and a short queue."""
    words = made_small(command.replace("resnet50", "resnet18"))
    words += [f"callbacks.negative_queue.length={QUEUE}"] if "moco_v2" in command else []
    before = set(Path("runs").glob("*"))
    monkeypatch.setattr(sys, "argv", ["cl-train", *words])
    train.main()
    (new,) = set(Path("runs").glob("*")) - before
    return new


@pytest.mark.slow
@pytest.mark.usefixtures("_in_its_world")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is")
def test_every_command_starts_from_its_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    of_moco, of_run = (
        next(c for c in COMMANDS if f"init.weights={source}" in c) for source in (OF_MOCO, "RUN")
    )
    first = trained(of_moco, monkeypatch)
    told = capsys.readouterr().out
    for line in ("backbone: 100 weights", "key_encoder: 104 weights", f"queue: {QUEUE:,} keys"):
        assert line in told
    second = trained(of_run.replace("RUN", str(first)), monkeypatch)
    assert f"{first} (cl_lightning: MoCoV2)" in capsys.readouterr().out
    evaluation = next(c for c in COMMANDS if c.startswith("cl-eval"))
    evaluate.main(shlex.split(evaluation.replace("RUN", str(second)))[1:])


def test_every_command_is_run_by_a_test() -> None:
    """The names of torchvision and timm: tests/weights/test_named.py, without a network."""
    others = [c for c in COMMANDS if "torchvision:" in c or "timm:" in c]
    assert len(COMMANDS) == len(others) + 3


def test_the_example_in_python_starts_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = moco_v2()
    torch.save(file.content, OF_MOCO)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {"method": MoCoV2(encoder=Encoder(ResNet(18), projector_batch_norm=False))}
    exec(compile(example, "weights.md", "exec"), names)
    weight = names["method"].encoder.backbone.conv1.weight
    assert torch.equal(weight, file.content["state_dict"]["module.encoder_q.conv1.weight"])
