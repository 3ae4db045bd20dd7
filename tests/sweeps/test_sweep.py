"""Real sweeps, against single runs of the same configs."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cl_lightning.runs import RunFolder
from tests.cli.command import MODULE, RUN_FOLDER, SCRIPT, SMALL, cl_train, environment
from tests.cli.command import files as all_files
from tests.cli.conftest import Ran
from tests.resume.compare import differences, ended_with
from tests.sweeps.programs import wait_until

ROOT = Path(__file__).resolve().parents[2]
ROWS = [sys.executable, "-m", "tests.sweeps.jobs_in_a_row"]
FAST = (*SMALL, "trainer=cpu", "logger=csv", "data.train.images=32", "data.val.images=8")
# Pictures and the report are made by new processes only.
FILES = {name for name in RUN_FOLDER if not name.startswith(("tensorboard", "plots", "report"))}
FAILING = """
import os
import torch

class Photos(torch.utils.data.Dataset):
    def __init__(self, rank):
        self.rank = rank

    def __len__(self):
        return 256

    def __getitem__(self, index):
        if index >= 8 and os.environ.get("LOCAL_RANK", "0") == self.rank:
            raise ValueError(f"this is no photo of rank {self.rank}")
        return torch.full((3, 8, 8), index % 251, dtype=torch.uint8)
"""


def files(folder: Path) -> set[str]:
    """All but pictures and the report."""
    return {name for name in all_files(folder) if "/plots/" not in name and "report.html" not in name}


def folders(root: Path) -> dict[int, Path]:
    """The run folders by their seeds."""
    summaries = (root / "runs").glob("*/summary.json")
    return {json.loads(path.read_text())["seed"]: path.parent for path in summaries}


@pytest.fixture(scope="module")
def singles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Single runs with seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("singles")
    for seed in range(2):
        process = cl_train(folder, *FAST, f"seed={seed}")
        assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture(scope="module")
def swept(singles: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A sweep in turn over a wrong seed, one that was trained before, and two new ones."""
    folder = tmp_path_factory.mktemp("swept")
    shutil.copytree(folders(singles)[0], folder / "runs" / folders(singles)[0].name)
    return Ran(folder, cl_train(folder, "-m", *FAST, "seed=-1,0,2,1", command=MODULE))


def expected(root: Path, *seeds: int) -> set[str]:
    return {f"runs/{folders(root)[seed].name}/{name}" for seed in seeds for name in FILES}


def test_a_sweep_is_its_single_runs_bit_by_bit(singles: Path, swept: Ran) -> None:
    assert files(swept.folder) == expected(swept.folder, 0, 1, 2) > expected(singles, 0, 1)
    assert differences(ended_with(folders(singles)[1]), ended_with(folders(swept.folder)[1])) == []


def test_a_failed_job_stops_no_other_and_is_listed_at_the_end(swept: Ran) -> None:
    assert swept.process.returncode == 1
    assert "Traceback" not in swept.process.stderr
    listed = swept.process.stderr.splitlines()[-2:]
    assert listed[0] == "cl-train: 1 of 4 jobs failed:"
    assert listed[1].startswith("  seed=-1: seed is -1; accepted: a whole number from 0")
    assert "sweep: 4 jobs, 1 finished before\n" in swept.process.stdout
    assert "sweep: 3 of 4 jobs done; cl-report runs compares all\n" in swept.process.stdout


def test_the_same_command_again_trains_only_what_is_missing(
    singles: Path, swept: Ran, tmp_path: Path
) -> None:
    shutil.copytree(swept.folder, tmp_path, dirs_exist_ok=True)
    again = cl_train(tmp_path, "-m", *FAST, "seed=0,1,2")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines() == [
        "sweep: 3 jobs, 3 finished before",
        "sweep: 3 of 3 jobs done; cl-report runs compares all",
    ]
    before = {
        seed: os.stat(folder / "summary.json").st_mtime_ns for seed, folder in folders(tmp_path).items()
    }
    shutil.rmtree(folders(tmp_path)[1])
    again = cl_train(tmp_path, "-m", *FAST, "seed=0,1,2")
    assert again.returncode == 0
    assert "sweep: 3 jobs, 2 finished before\n" in again.stdout
    after = {seed: os.stat(folder / "summary.json").st_mtime_ns for seed, folder in folders(tmp_path).items()}
    assert [seed for seed in after if after[seed] != before[seed]] == [1]
    assert differences(ended_with(folders(singles)[1]), ended_with(folders(tmp_path)[1])) == []
    assert files(tmp_path) == expected(tmp_path, 0, 1, 2)


@pytest.mark.slow
def test_jobs_at_the_same_time_end_as_single_runs(singles: Path, tmp_path: Path) -> None:
    arguments = ("-m", *FAST, "hydra/launcher=parallel", "hydra.launcher.n_jobs=2", "seed=0,1")
    ran = cl_train(tmp_path, *arguments)
    assert ran.returncode == 0, ran.stderr
    told = [line for line in ran.stdout.splitlines() if "/2 seed=" in line]
    assert [" starts;" in line for line in told] == [True, True, False, False], "both run before one is done"
    for seed in (0, 1):
        assert differences(ended_with(folders(singles)[seed]), ended_with(folders(tmp_path)[seed])) == []
    logs = {f"runs/logs/{folders(singles)[seed].name}.log" for seed in (0, 1)}
    assert files(tmp_path) == expected(singles, 0, 1) | logs


@pytest.mark.slow
def test_ten_jobs_in_a_row_leave_nothing_in_their_process(tmp_path: Path) -> None:
    ran = cl_train(*(tmp_path, "-m", *FAST, "seed=range(10)"), command=ROWS, cold=True, PYTHONPATH=str(ROOT))
    assert ran.returncode == 0, ran.stderr
    held = [json.loads(line) for line in (tmp_path / "held").read_text().splitlines()]
    assert len(held) == 10
    for name in ("threads", "children", "sockets", "files"):
        assert held[9][name] == held[1][name], name
    assert held[9]["children"] == []
    assert held[9]["memory"] - held[3]["memory"] < 4, [one["memory"] for one in held]


@pytest.mark.slow
def test_a_rank_that_fails_in_one_job_lets_the_next_one_end_well(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    own = ("data=custom", "data.train._target_=failing.Photos", "data.num_workers=0", "callbacks.knn=null")
    small = [o for o in SMALL if not o.startswith(("data=", "callbacks.knn"))]
    ranks = "+data.train.rank='1','0','none'"
    ran = cl_train(tmp_path, "-m", *small, *own, "trainer=ddp_cpu", "logger=csv", "run.metric=loss", ranks)
    assert ran.returncode == 1
    listed = ran.stderr.splitlines()[-3:]
    assert listed[0] == "cl-train: 2 of 3 jobs failed:"
    for line, rank in zip(listed[1:], "10", strict=True):
        assert "data.train.rank=" in line
        assert f"this is no photo of rank {rank}" in line
    assert "sweep: 1 of 3 jobs done" in ran.stdout
    states = sorted(RunFolder(path).state() for path in (tmp_path / "runs").iterdir())
    assert states == ["failed", "failed", "finished"]
    assert {path.name for path in tmp_path.iterdir()} <= {"failing.py", "runs", "__pycache__"}


@pytest.mark.slow
def test_processes_change_no_run_of_a_sweep_and_each_is_trained_once(singles: Path, tmp_path: Path) -> None:
    ran = cl_train(tmp_path, "-m", *FAST, "trainer.devices=2,1", "seed=0,1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count(" starts;") == 2
    assert ran.stdout.count(", which is done;") == 2
    assert files(tmp_path) == expected(singles, 0, 1)
    worlds = [
        json.loads(path.read_text())["world_size"] for path in (tmp_path / "runs").glob("*/summary.json")
    ]
    assert worlds == [2, 2]


@pytest.mark.slow
def test_a_search_that_is_stopped_goes_on_with_its_trial(tmp_path: Path) -> None:
    arguments = (
        *("-m", *FAST, "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "trainer.max_epochs=40"),
        *(
            "loss.temperature=tag(log,interval(0.05,1))",
            "run.metric=loss",
            "hydra.sweeper.direction=minimize",
        ),
    )
    process = subprocess.Popen(
        [*SCRIPT, *arguments],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(folders(tmp_path)) == 1, seconds=90)
    runs = tmp_path / "runs"
    wait_until(lambda: len(list(runs.glob("*/checkpoints/last.ckpt"))) == 2, seconds=60)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    second = next(line for line in out.splitlines() if line.startswith("sweep: trial 2 of 2: "))
    again = cl_train(tmp_path, *arguments)
    assert again.returncode == 0, again.stderr
    assert second in again.stdout.splitlines()
    assert "trial 1 of 2" not in again.stdout
    assert "continues after " in again.stdout
    losses = [json.loads(path.read_text())["loss"] for path in runs.glob("*/summary.json")]
    assert len(losses) == 2
    assert f"sweep: the best loss is {min(losses):.4g}, by trial " in again.stdout
