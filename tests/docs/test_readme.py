"""What README and docs/ show works: each command runs once, with what makes it small added."""

import glob
import json
import os
import re
import shlex
import signal
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback

from cl_lightning import embed, evaluate, export, report, train
from cl_lightning.interruption import StopRun
from cl_lightning.pairs import moco_v2_views
from tests import small
from tests.docs.readme_world import make_world
from tests.resume.signal_at import SignalAt
from tests.small import OPTIONS

ROOT = Path(__file__).parents[2]
# The other pages have tests of their own.
PAGES = ("README.md", *(f"docs/{name}.md" for name in ("own-images", "recipes")))
WITHOUT_COMMANDS = [
    f"docs/{name}.md"
    for name in ("gpus", "interrupted-runs", "own-classes", "promises", "python", "systems", "speed")
]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in (*PAGES, *WITHOUT_COMMANDS)}
README = TEXTS["README.md"]


def commands(page: str) -> list[str]:
    """Those in a block or at the head of a table's row."""
    return re.findall(r"^(?:    |\| `)(cl-[a-z]+ [^`\n]*)", TEXTS[page], flags=re.MULTILINE)


COMMANDS = [command for page in PAGES for command in commands(page)]
TRAININGS = [command for command in COMMANDS if command.startswith("cl-train")]
# What a trained run is used for.
USES = [command.split("#")[0].strip() for command in COMMANDS if re.match("cl-[a-z]+ RUN", command)]
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
ONE_SEED = "seed=0"  # of a sweep; tests/sweeps has several


def made_small(command: str) -> list[str]:
    """The command's words, and what makes the run small."""
    words = [*shlex.split(command, comments=True)[1:], *SMALL, *([ONE_SEED] if " -m " in command else [])]
    if any(name in command for name in ("image_folder", "custom", "mine")):
        words += ["data.size=32", "data.num_workers=0"]
    if "scattered_digits" in command:
        words += ["encoder=small_conv_net", "encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]"]
    return [*words, "data.train.limit=null"] if "_cpu" in command else words


@pytest.fixture
def _in_the_readmes_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    summaries = trained(made_small(command), monkeypatch)
    assert len(summaries) == (4 if " -m " in command else 1)
    for summary in summaries:
        assert summary["steps"] == 1
        assert "my_conf" not in command or summary["dataset"] == "image_folder"
        assert (summary["knn_top1"] is None) == ("custom" in command or "PHOTOS" in command)  # no labels


def test_no_command_is_shown_twice_or_where_nothing_runs_it() -> None:
    assert len(TRAININGS) == len(set(TRAININGS)) >= 10
    others = {command.split("#")[0].strip() for command in COMMANDS if command not in TRAININGS}
    assert others == {"cl-eval runs/*", "cl-report runs", *USES}
    assert [command for page in WITHOUT_COMMANDS for command in commands(page)] == []


def test_no_page_is_left_out() -> None:
    names = (
        "sweeps",
        "clusters",
        "weights",
        "training-longer",
        "export",
        "evaluation",
        "embeddings",
        "reports",
    )
    tested_elsewhere = {f"docs/{name}.md" for name in names}
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} | {"README.md"} == {
        *TEXTS,
        *tested_elsewhere,
    }
    examples = {page: text.count("```python") for page, text in TEXTS.items() if "```python" in text}
    assert examples == {"README.md": 2, "docs/python.md": 1, "docs/own-classes.md": 2}  # tests/blueprints


def test_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", [*TEXTS, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_page_picture_and_heading_that_a_page_links_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        name, _, heading = link.partition("#")
        if name.startswith("https:"):
            continue
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.is_file(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]


@pytest.mark.usefixtures("_in_the_readmes_world")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is")
def test_the_first_run_is_evaluated_and_gives_its_encoder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = next(command for command in TRAININGS if " -m " not in command)
    trained(made_small(first), monkeypatch)
    (run,) = glob.glob("runs/*")
    evaluate.main(["runs/" + name for name in os.listdir("runs")])  # as a shell writes out runs/*
    assert f"{Path(run).name} (query)" in capsys.readouterr().out
    assert (Path(run) / "evaluation-query.json").is_file()
    for use in USES:
        command, *words = shlex.split(use)
        {"cl-eval": evaluate, "cl-embed": embed, "cl-export": export}[command].main(
            [run if word == "RUN" else word for word in words]
        )
    results = json.loads((Path(run) / "evaluation-query.json").read_text())["results"]
    assert {"knn", "linear_all", "linear_10", "recall_1", "finetune_all"} <= results.keys()
    rows = np.load("vectors.npz")
    assert rows["vectors"].shape == (len(rows["files"]), 512) == (20, 512)
    assert {path.name for path in Path("my_encoder").iterdir()} >= {"model.safetensors", "README.md"}
    report.main(["runs"])
    assert "1 run: 1 finished" in capsys.readouterr().out

    example = re.sub(r'"runs/[^"]*"', repr(run), EXAMPLES[0])
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    names: dict[str, Any] = {"images": images}
    exec(compile(example, "README.md", "exec"), names)
    backbone, features = names["backbone"], names["features"]
    assert (features.shape, backbone.size) == ((2, 512), 32)
    clean = moco_v2_views(32, mean=backbone.mean, std=backbone.std).clean(images)
    torch.testing.assert_close(features, backbone(clean))


@pytest.mark.slow
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


@pytest.mark.filterwarnings("ignore:k = 200 neighbours are asked of a bank of 64")
def test_the_python_example_that_saves_goes_on_where_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", TEXTS["docs/python.md"], flags=re.DOTALL)
    example = example.replace("max_epochs=20", "max_epochs=2").replace("[Last", "[interrupting, Last")
    for interrupting in (SignalAt(signal.SIGTERM, step=2), Callback()):
        names: dict[str, Any] = {"method": small.simclr(), "data": small.data(), "interrupting": interrupting}
        with suppress(StopRun):
            exec(compile(example, "python.md", "exec"), names)
        assert names["trainer"].global_step == (3 if isinstance(interrupting, SignalAt) else 8)


@pytest.mark.parametrize(
    "name",
    sorted(set(re.findall(r"`((?:cl_lightning|conf|docs|notebooks|results|tests)/[\w/.]*)`", str(TEXTS)))),
)
def test_every_path_that_a_page_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_every_option_that_a_page_names_is_there() -> None:
    shown = " ".join([*COMMANDS, *re.findall(r"`([a-z]+=[a-z_0-9]+)`", str(TEXTS))])
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
