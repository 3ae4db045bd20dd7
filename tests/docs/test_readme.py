"""What README shows works: each of its commands runs, with what makes it small added."""

import glob
import json
import os
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning import evaluate, train
from cl_lightning.pairs import moco_v2_views
from tests.docs.readme_world import make_world
from tests.runs.configs import OPTIONS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:    |\| `)(cl-[a-z]+ [^`\n]*)", README, flags=re.MULTILINE)
TRAININGS = [command for command in COMMANDS if command.startswith("cl-train")]
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
# Said last, so that they win. 16 images: two for each of MoCo's BatchNorm groups.
SMALL = (
    "trainer.accelerator=cpu",
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=1",
    "trainer.check_val_every_n_epoch=1",
    "schedule.warmup_epochs=0",
    "data.batch_size=16",
    "callbacks.knn.k=4",
    "logger=csv",
)


def small(command: str) -> list[str]:
    """The command's words, and what makes the run small."""
    words = [*shlex.split(command, comments=True)[1:], *SMALL]
    if any(name in command for name in ("image_folder", "custom", "mine")):
        words += ["data.size=32", "data.num_workers=0"]
    return [*words, "data.train.limit=null"] if "_cpu" in command else words


@pytest.fixture
def _in_the_readmes_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_pictures: None) -> None:
    make_world(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


def trained(words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The summaries of `cl-train WORDS`."""
    monkeypatch.setattr(sys, "argv", ["cl-train", *words])
    train.main()
    return [json.loads(path.read_text()) for path in Path("runs").glob("*/summary.json")]


@pytest.mark.usefixtures("_in_the_readmes_world")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is", "ignore:kNN accuracy is left out")
@pytest.mark.parametrize("command", TRAININGS)
def test_every_training_command_trains(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    summaries = trained(small(command), monkeypatch)
    assert len(summaries) == (4 if " -m " in command else 1)
    for summary in summaries:
        assert summary["steps"] == 1
        assert "my_conf" not in command or summary["dataset"] == "image_folder"
        assert (summary["knn_top1"] is None) == ("custom" in command or "PHOTOS" in command)  # no labels


def test_readme_shows_how_to_train_and_to_evaluate() -> None:
    assert len(TRAININGS) >= 8
    assert [command.split("#")[0].strip() for command in COMMANDS if "cl-eval" in command] == [
        "cl-eval runs/*"
    ]
    assert len(EXAMPLES) == 2


@pytest.mark.usefixtures("_in_the_readmes_world")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is")
def test_the_first_run_is_evaluated_and_gives_its_encoder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(small(TRAININGS[0]), monkeypatch)
    (run,) = glob.glob("runs/*")
    evaluate.main(["runs/" + name for name in os.listdir("runs")])  # as a shell writes out runs/*
    assert f"{Path(run).name} (query)" in capsys.readouterr().out
    assert (Path(run) / "evaluation-query.json").is_file()

    example = re.sub(r'"runs/[^"]*"', repr(run), EXAMPLES[0])
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    names: dict[str, Any] = {"images": images}
    exec(compile(example, "README.md", "exec"), names)
    backbone, features = names["backbone"], names["features"]
    assert (features.shape, backbone.size) == ((2, 512), 32)
    clean = moco_v2_views(32, mean=backbone.mean, std=backbone.std).clean(images)
    torch.testing.assert_close(features, backbone(clean))


def test_the_python_example_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    exec(compile(EXAMPLES[1], "README.md", "exec"), names)
    trainer = names["trainer"]
    assert trainer.current_epoch == 20
    assert trainer.callback_metrics["val/knn_top1"] > 0.85
    out = capsys.readouterr().out
    assert "pairs:   Views(size=8, seed=0)" in out
    assert out.rstrip().endswith(".ckpt")


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:cl_lightning|conf|docs|notebooks)/[\w/.]*)`", README)))
)
def test_every_path_that_readme_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_every_option_that_readme_names_is_there() -> None:
    shown = " ".join([*COMMANDS, *re.findall(r"`([a-z]+=[a-z_0-9]+)`", README)])
    named = set(re.findall(r"(?:^| )(method|data|encoder|optimizer|logger|experiment)=(\w+)", shown))
    assert named - set(OPTIONS) == {("experiment", "mine")}


def test_every_extra_that_readme_names_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (named,) = re.findall(r"pip install '\.\[([\w,]+)\]'", README)
    assert set(named.split(",")) <= set(extras)


def test_every_make_target_that_readme_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("page", ["README.md", "LOG.md", "METHODS.md"])
def test_no_figure_is_left_out(page: str) -> None:
    assert not re.findall(r"@[A-Z]+@", (ROOT / page).read_text(encoding="utf-8"))
