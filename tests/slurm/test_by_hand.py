"""docs/train.sbatch and docs/array.sbatch, and what docs/clusters.md tells of them, on a real SLURM."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_processes import MEASURED_IN_SECONDS, furthest, learnt, table
from tests.resume.compare import differences, ended_with
from tests.slurm import page
from tests.slurm.cluster import NODES, Cluster, wait_for
from tests.slurm.runs import (
    ON_CPU,
    ONE_CPU,
    SMALL,
    STEPS,
    cl_train,
    run_folders,
    variables,
    working_folder,
)

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(600)]
DOUBLE = "trainer.precision=64"
FIRST, SECOND = (f"--nodelist={node}" for node in NODES)  # without, SLURM prefers the second
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
SLOW = 0.4  # seconds an image: a run of 54 steps of eight takes three minutes, unless it is hurried
START = 120  # seconds within which a job begins to save, while others start too


@dataclass(frozen=True)
class Job:
    """A submitted job, and its working folder."""

    number: str
    folder: Path

    @property
    def log(self) -> str:
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("*.log")))

    def has_saved(self, runs: int = 1) -> bool:
        saved = [folder / "checkpoints" / "last.ckpt" for folder in run_folders(self.folder)]
        return len(saved) == runs and all(file.is_file() for file in saved)

    def hurry(self) -> None:
        """From now on its images take no time."""
        (self.folder / "hurry").touch()


@pytest.fixture(scope="module")
def jobs(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """All jobs of this file, by name, submitted at the same moment; the slow ones wait for their test."""

    def submit(name: str, command: str, *arguments: str, options: tuple[str, ...], slow: float = 0) -> Job:
        folder = working_folder(tmp_path_factory.mktemp(name))
        words = page.small(command, [*ONE_CPU, *options], [*SMALL, *ON_CPU, *arguments])
        told = subprocess.run(
            [*words[:1], "--parsable", *words[1:]],
            cwd=folder,
            env=variables(slow),
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        return Job(told.stdout.strip(), folder)

    short = (FIRST, "--time=2", "--signal=USR1@10")  # SLURM looks twice a minute: the signal may be earlier
    made = {
        "short": submit("short", page.ONE_NODE, options=short, slow=SLOW),
        "dying": submit("dying", page.ONE_NODE, options=(), slow=SLOW),
        "cancelled": submit("cancelled", page.ONE_NODE, options=(FIRST,), slow=SLOW),
        "array": submit("array", page.ARRAY, options=(FIRST, "--array=0-1"), slow=SLOW),
        "wrong": submit("wrong", page.ONE_NODE, "data.batch_size=1000", options=(FIRST,)),
    }
    after = f"--dependency=afterany:{made['dying'].number}"  # whose node dies
    return made | {"both": submit("both", page.TWO_NODES, DOUBLE, options=(after,))}


def test_a_cancelled_job_saves_and_is_not_requeued_and_its_run_goes_on_with_the_next(
    cluster: Cluster, jobs: dict[str, Job], undisturbed: dict[str, Any]
) -> None:
    job = jobs["cancelled"]
    wait_for(job.has_saved, START)
    assert f"{job.number} " in cluster.run(*page.of(page.QUEUE, job.number))
    cluster.run(*page.of(page.CANCEL, job.number))
    about = cluster.wait(job.number, *OVER)
    assert (about["JobState"], about["Restarts"]) == ("CANCELLED", "0")
    wait_for(lambda: "SIGTERM after" in job.log, 30)
    assert "requeued" not in job.log
    job.hurry()
    words = page.small(page.AT_ONCE, ONE_CPU, [*SMALL, *ON_CPU])
    told = subprocess.run(words, cwd=job.folder, env=variables(), capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "continues after" in told.stdout
    (folder,) = run_folders(job.folder)
    assert differences(undisturbed, ended_with(folder)) == []


def test_a_task_of_an_array_is_requeued_alone(
    cluster: Cluster, jobs: dict[str, Job], undisturbed: dict[str, Any]
) -> None:
    job = jobs["array"]
    wait_for(lambda: job.has_saved(runs=2), START)
    cluster.run(*page.of(page.INTERRUPT, f"{job.number}_0"))
    wait_for(lambda: "is requeued" in job.log, 30)
    job.hurry()
    tasks = [cluster.wait(f"{job.number}_{task}", *OVER) for task in (0, 1)]
    assert [task["JobState"] for task in tasks] == ["COMPLETED", "COMPLETED"], job.log
    assert [task["Restarts"] for task in tasks] == ["1", "0"]
    first, second = ((job.folder / f"cl-train-{job.number}_{task}.log").read_text() for task in (0, 1))
    assert first.count(f"SLURM job {job.number}_0 is requeued") == 1
    assert "requeued" not in second
    ends = [ended_with(folder) for folder in run_folders(job.folder)]
    assert {end["summary"]["seed"] for end in ends} == {0, 1}
    (seed_0,) = [end for end in ends if end["summary"]["seed"] == 0]
    assert differences(undisturbed, seed_0) == []


def test_a_job_goes_on_behind_a_more_urgent_one_and_on_another_node_when_its_own_dies(
    cluster: Cluster, jobs: dict[str, Job], undisturbed: dict[str, Any]
) -> None:
    job = jobs["dying"]
    wait_for(job.has_saved, START)
    assert cluster.about(job.number)["NodeList"] == NODES[1]  # the others have been given the first
    urgent = ("--partition=urgent", "--exclusive", SECOND, "--wrap=true", "--output=/dev/null")
    cluster.run("sbatch", *urgent)
    wait_for(lambda: job.log.count("continues after") == 1, START)
    assert job.log.count("SIGTERM after") == 1  # of SLURM, which requeues it
    cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=down", "reason=test")
    try:
        wait_for(lambda: job.log.count("continues after") == 2, START)
        assert cluster.about(job.number)["NodeList"] == NODES[0]
    finally:
        cluster.run("scontrol", "update", f"nodename={NODES[1]}", "state=resume")
    job.hurry()
    about = cluster.wait(job.number, *OVER)
    assert (about["JobState"], about["Restarts"]) == ("COMPLETED", "2"), job.log
    assert "is requeued" not in job.log  # by cl-train
    (folder,) = run_folders(job.folder)
    assert differences(undisturbed, ended_with(folder)) == []


def test_a_job_that_fails_at_its_start_says_why_and_is_not_requeued(
    cluster: Cluster, jobs: dict[str, Job]
) -> None:
    job = jobs["wrong"]
    about = cluster.wait(job.number, *OVER)
    assert (about["JobState"], about["ExitCode"], about["Restarts"]) == ("FAILED", "1:0", "0")
    assert job.log.count("cl-train: data.batch_size=1000 with 48 training images") == 1
    assert not (job.folder / "runs").exists()


def test_two_nodes_are_one_process(cluster: Cluster, jobs: dict[str, Job]) -> None:
    job = jobs["both"]
    alone = cl_train(job.folder.parent / "one_process", DOUBLE, "trainer=cpu")
    assert alone.returncode == 0, alone.stderr
    (one,) = run_folders(job.folder.parent / "one_process")
    assert cluster.wait(job.number, *OVER)["JobState"] == "COMPLETED", job.log
    (two,) = run_folders(job.folder)
    assert one.name == two.name
    ends = [ended_with(folder)["summary"]["world_size"] for folder in (one, two)]
    assert ends == [1, 2]
    assert furthest(learnt(one), learnt(two)) < 1e-10
    expected, rows = table(one), table(two)
    assert len(expected) == len(rows) >= STEPS
    for wanted, row in zip(expected, rows, strict=True):
        assert {name for name in row if row[name]} == {name for name in wanted if wanted[name]}
        for name in set(wanted) - MEASURED_IN_SECONDS:
            if wanted[name]:
                assert float(row[name]) == pytest.approx(float(wanted[name]), rel=1e-5, abs=1e-6), name
    written = {path.name for path in job.folder.iterdir()} - {"__pycache__"}
    assert written == {"runs", "slow_photos.py", f"cl-train-{job.number}.log"}
    assert os.listdir(job.folder / "runs") == [two.name]


def test_a_run_longer_than_its_limit_is_requeued_once_for_each_interruption_and_ends_exactly(
    cluster: Cluster, jobs: dict[str, Job], undisturbed: dict[str, Any]
) -> None:
    job = jobs["short"]
    wait_for(lambda: "continues after" in job.log, 2 * START)
    job.hurry()
    cluster.wait(job.number, *OVER)
    words = cluster.run(*page.of(page.ABOUT, job.number)).split()
    assert "JobState=COMPLETED" in words, job.log
    starts = job.log.count("continues after")
    assert starts >= 1
    assert f"Restarts={starts}" in words
    assert job.log.count(f"SLURM job {job.number} is requeued") == starts
    (folder,) = run_folders(job.folder)
    assert differences(undisturbed, ended_with(folder)) == []


def test_the_lines_that_unpack_data_do_so_once_for_each_node(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    subprocess.run(["tar", "-cf", "imagenet.tar", "imagenet"], cwd=tmp_path, check=True)
    (tmp_path / "imagenet").rmdir()
    lines = page.LINES.replace("/tmp", str(tmp_path)).replace("tar -xf", "tar -vxf")  # and tell it
    script = tmp_path / "script"
    script.write_text(f"#!/bin/bash\n{lines}echo $@\n", encoding="utf-8")
    cluster.run(
        *("sbatch", "--wait", "--nodes=2", "--ntasks-per-node=2", f"--output={tmp_path}/log"),
        *(f"--export=ALL,HOME={tmp_path}", str(script), "data=imagenet"),
    )
    told = (tmp_path / "log").read_text().splitlines()
    assert told == ["imagenet/", "imagenet/", f"data=imagenet data.root={tmp_path}/imagenet"]
    assert (tmp_path / "imagenet").is_dir()


def test_every_command_that_the_page_shows_is_tested() -> None:
    assert sorted(page.COMMANDS) == sorted(page.TESTED)
