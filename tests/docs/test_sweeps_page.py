"""Each command of docs/sweeps.md runs, with what makes it small added."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cl_lightning import report, train
from tests.cli.command import cl_train
from tests.docs.readme_world import make_world
from tests.docs.test_readme import ONE_SEED, made_small

PAGE = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (cl-[a-z]+ .*)$", PAGE, flags=re.MULTILINE)
TRAININGS = [command for command in COMMANDS if command.startswith("cl-train -m")]
AT_ONCE = [command for command in TRAININGS if "launcher=parallel" in command]
(EXPERIMENT,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
SEARCH = "hydra.sweeper.n_trials=2"


@pytest.fixture
def _in_its_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_world(tmp_path, monkeypatch)
    (tmp_path / "my_conf" / "experiment" / "temperatures.yaml").write_text(EXPERIMENT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


@pytest.mark.usefixtures("_in_its_world")
@pytest.mark.filterwarnings("ignore:callbacks.negative_queue.length is")
@pytest.mark.parametrize(
    ("command", "jobs"), [*zip([c for c in TRAININGS if c not in AT_ONCE], (4, 3, 2), strict=True)]
)
def test_every_sweep_trains_all_its_jobs_and_is_reported(
    command: str, jobs: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*made_small(command), "encoder=small_conv_net", *([SEARCH] if "optuna" in command else [])]
    monkeypatch.setattr(sys, "argv", ["cl-train", *words])
    train.main()
    assert len(list(Path("runs").glob("*/summary.json"))) == jobs
    for shown in (c for c in COMMANDS if c.startswith("cl-report")):
        report.main(shlex.split(shown)[1:])
        assert f"{jobs} runs: {jobs} finished" in capsys.readouterr().out
        assert Path("runs/report/report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", AT_ONCE)
def test_every_sweep_of_several_jobs_at_once_trains_all_of_them(command: str, tmp_path: Path) -> None:
    digits = command.replace("data=cifar10 data.root=CIFAR", "data=digits encoder=small_conv_net")
    words = [word for word in made_small(digits) if word != ONE_SEED]
    ran = cl_train(tmp_path, *words)
    jobs = 4 if "method=" in command else 3
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert len(list(tmp_path.glob("runs/*/summary.json"))) == jobs
    assert len(list(tmp_path.glob("runs/logs/*.log"))) == jobs


def test_the_settings_of_a_search_are_listed() -> None:
    (command,) = [command for command in COMMANDS if "--cfg" in command]
    words = shlex.split(command)[1:]
    told = subprocess.run(
        [sys.executable, "-m", "cl_lightning.train", *words], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    for setting in ("n_trials: 20", "direction: null", "storage: ${run.root}/optuna"):
        assert setting in told.stdout


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\]\(([\w/.]+)\)", PAGE))))
def test_every_page_that_it_links_is_there(name: str) -> None:
    assert (Path(__file__).parents[2] / "docs" / name).is_file()
