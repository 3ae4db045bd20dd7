"""What README shows works."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from tests.runs.configs import composed

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    cl-train (.*)$", README, flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_training_command_composes(command: str) -> None:
    words = [word for word in shlex.split(command, comments=True) if word != "-m"]
    composed(*[re.sub(r"=([^=]*),.*$", r"=\1", word) for word in words])  # the first job of a sweep


def test_readme_shows_commands() -> None:
    assert len(COMMANDS) >= 3


def test_the_python_example_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    names: dict[str, object] = {}
    torch.manual_seed(0)
    exec(compile(example, "README.md", "exec"), names)
    trainer = names["method"].trainer
    assert trainer.current_epoch == 20
    assert trainer.callback_metrics["val/knn_top1"] > 0.85


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:cl_lightning|conf)/[\w/.]*)`", README))))
def test_every_path_that_readme_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_every_make_target_that_readme_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("page", ["README.md", "LOG.md"])
def test_no_figure_is_left_out(page: str) -> None:
    assert not re.findall(r"@[A-Z]+@", (ROOT / page).read_text(encoding="utf-8"))
