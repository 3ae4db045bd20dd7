"""The installed wheel works in any folder, with its own configs and with a user's."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import RUN_FOLDER, SMALL, cl_train, files
from tests.packaging.builds import PYPROJECT
from tests.small import OPTIONS as SHIPPED

EXPERIMENT = """# @package _global_
defaults:
  - override /data: few_stripes
  - override /encoder: tiny
  - override /trainer: cpu
  - override /logger: csv

run: { name: mine }
trainer: { max_epochs: 1 }
schedule: { warmup_epochs: 0 }
callbacks: { knn: { k: 4 } }
"""
TINY = "defaults: [small_conv_net]\nname: tiny\nbackbone: { widths: [4, 8], strides: [2, 2] }\n"
FEW_STRIPES = "defaults: [synthetic]\nname: few_stripes\nsize: 8\nbatch_size: 16\ntrain: { images: 32 }\n"
OPTIONS = {"experiment/mine": EXPERIMENT, "data/few_stripes": FEW_STRIPES, "encoder/tiny": TINY}
CONFIG_DIR = ["--config-dir", "my_conf"]
SEARCHPATH = ["hydra.searchpath=[file://my_conf]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user, with options of their own in my_conf/."""
    for name, text in OPTIONS.items():
        file = tmp_path / "my_conf" / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def run(commands: Path, folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the installation that has ended well."""
    ran = cl_train(folder, *arguments, command=[str(commands / name)], cold=True, PYTHONPATH="")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran


def test_it_is_the_wheel_that_runs(commands: Path, tmp_path: Path) -> None:
    show = "import cl_lightning; print(cl_lightning.__file__, cl_lightning.__version__)"
    file, version = run(commands, tmp_path, "python", "-c", show).stdout.split()
    assert Path(file).is_relative_to(commands.parent)
    assert version == PYPROJECT["project"]["version"]


def test_every_command_of_the_repository_is_there(commands: Path, tmp_path: Path) -> None:
    assert {path.name for path in commands.glob("cl-*")} == set(PYPROJECT["project"]["scripts"])
    for command in PYPROJECT["project"]["scripts"]:
        assert command in run(commands, tmp_path, command, "--help").stdout


def test_every_choice_of_the_repository_is_there(commands: Path, tmp_path: Path) -> None:
    told = run(commands, tmp_path, "cl-train", "--help").stdout
    for group in {group for group, _ in SHIPPED}:
        assert f"{group}: {', '.join(name for place, name in SHIPPED if place == group)}\n" in told


@pytest.mark.slow
def test_it_trains_and_evaluates_in_a_folder_that_holds_nothing(commands: Path, tmp_path: Path) -> None:
    run(commands, tmp_path, "cl-train", *SMALL, "trainer=cpu", "data.train.images=32")
    (trained,) = (tmp_path / "runs").iterdir()
    assert files(trained) == RUN_FOLDER
    run(commands, tmp_path, "cl-eval", str(trained), "--labels", "--draws", "1")
    assert files(trained) == RUN_FOLDER | {"evaluation-query.json", "confusion-query.png"}
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]


@pytest.mark.slow
def test_a_users_experiment_data_and_encoder_train(commands: Path, folder: Path) -> None:
    run(commands, folder, "cl-train", *CONFIG_DIR, "experiment=mine")
    (trained,) = (folder / "runs").iterdir()
    summary = json.loads((trained / "summary.json").read_text(encoding="utf-8"))
    assert trained.name.startswith("mine-")
    assert (summary["dataset"], summary["encoder"], summary["epochs"]) == ("few_stripes", "tiny", 1)


def test_both_ways_to_a_users_folder_compose_the_same(commands: Path, folder: Path) -> None:
    words = ("experiment=mine", "seed=3", "--cfg", "job")
    first, second = (run(commands, folder, "cl-train", *way, *words) for way in (CONFIG_DIR, SEARCHPATH))
    assert first.stdout == second.stdout
    assert first.stderr == second.stderr == ""
    for line in ("seed: 3", "name: mine", "name: few_stripes", "name: tiny", "accelerator: cpu"):
        assert line in first.stdout


def test_help_lists_a_users_options_beside_the_shipped_ones(commands: Path, folder: Path) -> None:
    told = run(commands, folder, "cl-train", *CONFIG_DIR, "--help").stdout
    for name in OPTIONS:
        group, option = name.split("/")
        assert option in re.findall(r"[\w.]+", re.findall(rf"^{group}: (.*)$", told, flags=re.MULTILINE)[0])
    assert "method: moco_v2, nnclr, simclr\n" in told


def test_a_users_folder_that_is_not_there_is_named(commands: Path, tmp_path: Path) -> None:
    for way in (CONFIG_DIR, SEARCHPATH):
        command = [str(commands / "cl-train")]
        ran = cl_train(tmp_path, *way, "experiment=mine", command=command, cold=True, PYTHONPATH="")
        assert ran.returncode == 1
        assert "my_conf" in ran.stderr
        assert "Traceback" not in ran.stderr
    assert files(tmp_path) == set()


def test_python_finds_the_configs_of_the_wheel(commands: Path, tmp_path: Path) -> None:
    script = (
        "from hydra import compose, initialize_config_dir\n"
        "from cl_lightning.commands import conf_folder\n"
        "with initialize_config_dir(conf_folder(), version_base='1.3'):\n"
        "    print(conf_folder(), compose('train', overrides=['method=moco_v2']).method.name)\n"
    )
    place, method = run(commands, tmp_path, "python", "-c", script).stdout.split()
    assert Path(place).is_relative_to(commands.parent)
    assert method == "moco_v2"
