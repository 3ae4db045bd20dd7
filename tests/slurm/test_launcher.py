"""`cl-train -m hydra/launcher=slurm` on a real SLURM."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.resume.compare import differences, ended_with
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.runs import SMALL, cl_train, run_folders, variables, working_folder

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]
ON_SLURM = ("trainer=cpu", "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1")
FOUR = ("seed=0,1", "loss.temperature=0.1,0.2")
LIMITED = ("hydra.launcher.minutes=2", "hydra.launcher.signal_seconds=10")
SLOW = 0.5  # seconds an image: a run takes more than two minutes, unless it is hurried
START = 120  # seconds within which a job begins to save, while others start too


class Watching:
    """A sweep that is submitted and watched by a command of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = working_folder(folder)
        self.log = folder / "watched.log"
        with self.log.open("a") as log:
            command = ["cl-train", "-m", *SMALL, *ON_SLURM, *arguments]
            self.process = subprocess.Popen(command, cwd=folder, env=variables(SLOW), stdout=log, stderr=log)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def number(self) -> str:
        """SLURM's, once there is one."""
        wait_for(lambda: " has " in self.said() or self.process.poll() is not None, START)
        (number,) = re.findall(r"SLURM job (\d+) has", self.said())
        return number

    def has_saved(self, runs: int) -> bool:
        return len(list(self.folder.glob("runs/*/checkpoints/last.ckpt"))) == runs

    def hurry(self) -> None:
        (self.folder / "hurry").touch()


@contextmanager
def watching(folder: Path, *arguments: str) -> Iterator[Watching]:
    made = Watching(folder, *arguments)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.fixture(scope="module")
def limited(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    """A job whose limit is shorter than its run; submitted first, looked at last."""
    with watching(tmp_path_factory.mktemp("limited"), *LIMITED) as made:
        yield made


@pytest.fixture(scope="module")
def four(
    cluster: Cluster, limited: Watching, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A sweep of four jobs that has ended, and its working folder."""
    folder = tmp_path_factory.mktemp("four")
    return folder, cl_train(folder, *ON_SLURM, *FOUR, "-m")


def test_four_jobs_are_one_array_and_end_with_the_bits_of_single_runs(
    four: tuple[Path, subprocess.CompletedProcess[str]], cluster: Cluster, undisturbed: dict[str, Any]
) -> None:
    folder, told = four
    assert told.returncode == 0, told.stdout + told.stderr
    (number,) = re.findall(r"SLURM job (\d+) has 4 of them", told.stdout)
    assert [cluster.about(f"{number}_{task}")["JobState"] for task in range(4)] == 4 * ["COMPLETED"]
    assert "sweep: 4 of 4 jobs done; cl-report runs compares all" in told.stdout
    ends = [ended_with(run) for run in run_folders(folder)]
    assert len(ends) == 4
    assert [differences(undisturbed, end) for end in ends].count([]) == 1
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == {"runs", "slow_photos.py"}
    assert (folder / "runs" / "slurm").stat().st_mode & 0o077 == 0, "others may write pickles"


def test_the_same_command_again_submits_nothing(
    four: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    again = cl_train(four[0], *ON_SLURM, *FOUR, "-m")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0] == "sweep: 4 jobs, 4 finished before"
    assert "SLURM job" not in again.stdout


def test_a_wrong_value_is_told_before_anything_is_submitted(cluster: Cluster, tmp_path: Path) -> None:
    before = cluster.run("squeue", "--noheader", "--states=all", "--format=%i")
    told = cl_train(tmp_path, *ON_SLURM, "loss.temperature=0.1,-1", "-m")
    assert told.returncode == 1
    assert "cl-train: nothing was submitted\ncl-train: 1 of 2 jobs failed:\n" in told.stderr
    assert re.search(r"^  loss.temperature=-1: .*temperature", told.stderr, re.MULTILINE)
    assert cluster.run("squeue", "--noheader", "--states=all", "--format=%i") == before
    assert not (tmp_path / "runs").exists()


def test_a_job_that_fails_at_its_start_is_told_with_its_reason(cluster: Cluster, tmp_path: Path) -> None:
    wrong_data = cl_train(tmp_path, *ON_SLURM, "data.train._target_=not_there.Photos", "seed=0,1", "-m")
    assert wrong_data.returncode == 1
    listed = r"^  seed=(\d): (.*) \(SLURM job (\d+)_\1, .*log.out\)$"
    reasons = re.findall(listed, wrong_data.stderr, re.MULTILINE)
    assert [seed for seed, _, _ in reasons] == ["0", "1"]
    for _, words, number in reasons:
        assert "not_there" in words
        assert cluster.about(number)["Restarts"] == "0"


def test_a_command_that_stops_watching_leaves_the_jobs_and_one_that_is_cancelled_is_told(
    cluster: Cluster, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    with watching(tmp_path, "seed=0,1") as first:
        number = first.number()
        wait_for(lambda: first.has_saved(2), START)
        first.process.send_signal(signal.SIGINT)
        assert first.process.wait(60) == 130
        assert f"the same command watches them again, scancel {number} ends them" in first.said()
    assert [cluster.about(f"{number}_{task}")["JobState"] for task in (0, 1)] == ["RUNNING", "RUNNING"]
    with watching(tmp_path, "seed=0,1") as second:
        wait_for(lambda: second.said().count(" starts; ") == 4, START)  # two of the first command
        cluster.run("scancel", f"{number}_1")
        cluster.wait(f"{number}_1", "CANCELLED")
        second.hurry()
        assert second.process.wait(240) == 1
        said = second.said()
        assert said.count("SLURM job") - said.count(f"(SLURM job {number}_1, ") == 1, "submitted twice"
        assert "cl-train: 1 of 2 jobs failed:\n  seed=1: " in said
    assert cluster.about(f"{number}_1")["Restarts"] == "0"
    (run,) = [run for run in run_folders(tmp_path) if (run / "summary.json").is_file()]
    assert differences(undisturbed, ended_with(run)) == []


def test_a_run_longer_than_its_limit_is_requeued_for_each_interruption_and_ends_exactly(
    cluster: Cluster, limited: Watching, undisturbed: dict[str, Any]
) -> None:
    number = limited.number()
    wait_for(lambda: int(cluster.about(number)["Restarts"]) >= 1, 240)
    limited.hurry()
    about = cluster.wait(number, "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
    assert about["JobState"] == "COMPLETED"
    assert limited.process.wait(60) == 0, limited.said()
    log = "".join(path.read_text() for path in limited.folder.glob("runs/slurm/*/*_0_log.out"))
    assert log.count(f"Requeued job {number}") == int(about["Restarts"])
    assert "continues after" in log
    (run,) = run_folders(limited.folder)
    assert differences(undisturbed, ended_with(run)) == []
