"""The commands of docs/training-longer.md, one after the other, with what makes them small added."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from cl_lightning import train
from cl_lightning.optim import WarmupStableDecay

PAGE = (Path(__file__).parents[2] / "docs" / "training-longer.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    cl-train (.*)$", PAGE, flags=re.MULTILINE)
STEPS = 5  # of an epoch, as the page says
SMALL = (
    "encoder.backbone.widths=[4,8]",
    "encoder.backbone.strides=[2,2]",
    "trainer.accelerator=cpu",
    "trainer.limit_train_batches=1",
    "trainer.limit_val_batches=0",
    "callbacks.checkpoint.every_n_epochs=100",
    "logger=csv",
)
EXTEND = r"run\.extend=(\S+)"


def run(command: str, monkeypatch: pytest.MonkeyPatch, parent: Path | None = None) -> Path:
    """The folder of a command's run; its `run.extend` names `parent`, where an epoch has one step."""
    before = set(Path("runs").glob("*-*"))
    if parent is not None:
        command = re.sub(r"runs/simclr_digits-\w+", str(parent), command)
        command = re.sub(r"step-(\d+)", lambda n: f"step-{int(n[1]) // STEPS:08}", command)
    monkeypatch.setattr(sys, "argv", ["cl-train", *shlex.split(command), *SMALL])
    train.main()
    (folder,) = set(Path("runs").glob("*-*")) - before
    return folder


@pytest.mark.filterwarnings(r"ignore:epoch \d")  # with so few steps nothing is learnt
def test_every_command_trains_and_goes_on_from_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    first, longer, trunk, *branches = COMMANDS
    short = run(first, monkeypatch)
    run(longer, monkeypatch, short)
    assert f"goes on from {short} after 10 steps (epoch 10)" in capsys.readouterr().out

    stem = run(trunk, monkeypatch)
    for branch in branches:
        run(branch, monkeypatch, stem)
        assert f"goes on from {stem}/checkpoints/step-" in capsys.readouterr().out


def test_each_branch_leaves_the_trunk_where_its_decay_begins() -> None:
    branches = COMMANDS[3:]
    for command in branches:
        total = STEPS * int(*re.findall(r"max_epochs=(\d+)", command))
        share = float(*re.findall(r"decay_share=(\S+)", command))
        (step,) = re.findall(r"step-(\d+)\.ckpt", command)
        assert int(step) == total - WarmupStableDecay(decay_share=share).decay_steps(total)
