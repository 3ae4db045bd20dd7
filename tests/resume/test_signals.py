"""What `cl-train` does, says and ends with after a signal."""

import os
import signal
import subprocess
import time
from pathlib import Path
from signal import SIGINT, SIGTERM, SIGUSR1, SIGUSR2
from typing import Any

import pytest

from tests.cli.command import SCRIPT, environment
from tests.interruption.slurm import in_job, stand_in
from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, run_folder, start, write_photos

CONTINUES = "saved in {}/checkpoints/last.ckpt, from which the same command continues"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `scontrol` was asked, in job 17 of a stand-in for SLURM that Lightning knows as such."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    in_job(monkeypatch, folder, SLURM_JOB_ID="17", SLURM_NTASKS="1", SLURM_JOB_NAME="train", SLURM_PROCID="0")
    monkeypatch.setenv("SLURM_LOCALID", "0")
    monkeypatch.setenv("SLURM_NODEID", "0")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "1")
    return stand_in(folder)


def test_a_slurm_job_is_saved_and_requeued_once_each_time_and_its_run_is_the_undisturbed_one(
    asked: Path, tmp_path: Path, uninterrupted: Any
) -> None:
    expected = uninterrupted(*METHODS["moco_v2"])
    here = tmp_path / "preempted"
    write_photos(here)
    for fault, number, step in (("step 2 SIGUSR1 0", SIGUSR1, 3), ("accumulation 5 SIGUSR2 0", SIGUSR2, 6)):
        stopped = start(here, *METHODS["moco_v2"], fault=fault)
        assert stopped.returncode == 128 + number, stopped.stderr
        folder = run_folder(here)
        saved = CONTINUES.format(folder.relative_to(here))
        told = f"{number.name} after {step} steps: {saved}; SLURM job 17 is requeued"
        assert stopped.stderr.splitlines()[-1] == told
    assert start(here, *METHODS["moco_v2"]).returncode == 0
    assert asked.read_text() == 2 * "requeue 17\n"
    assert list(folder.rglob("hpc_ckpt*")) == []
    assert differences(expected, ended_with(folder)) == []


@pytest.mark.parametrize("fault", ["step 3 SIGTERM all", "step 3 SIGUSR1 1"])
def test_all_processes_end_after_the_same_step_whichever_get_the_signal(fault: str, tmp_path: Path) -> None:
    write_photos(tmp_path)
    stopped = start(tmp_path, "trainer=ddp_cpu", fault=fault)
    number = signal.Signals[fault.split()[2]]
    assert stopped.returncode == 128 + number, stopped.stderr
    folder = run_folder(tmp_path).relative_to(tmp_path)
    assert stopped.stderr.splitlines()[-1] == f"{number.name} after 4 steps: {CONTINUES.format(folder)}"
    assert "Traceback" not in stopped.stderr


def test_ctrl_c_saves_and_says_how_to_continue(tmp_path: Path) -> None:
    write_photos(tmp_path)
    stopped = start(tmp_path, fault="step 4 SIGINT 0")
    assert stopped.returncode == 128 + SIGINT, stopped.stderr
    lines = stopped.stderr.splitlines()
    assert "ends after this step; Ctrl-C again ends at once" in lines
    folder = run_folder(tmp_path).relative_to(tmp_path)
    assert lines[-1] == f"SIGINT after 5 steps: {CONTINUES.format(folder)}"
    again = start(tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"{folder}: continues after 5 steps\n" in again.stdout


def answers(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has a handler for a signal."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks /proc which signals are answered")
@pytest.mark.parametrize("number", [SIGUSR1, SIGTERM, SIGINT])
def test_before_the_first_step_a_signal_ends_at_once_and_only_a_lead_time_one_requeues(
    number: signal.Signals, asked: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [*SCRIPT, "data=synthetic", "encoder=resnet18", "trainer=cpu"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        while not answers(process, SIGUSR1):
            assert process.poll() is None
            time.sleep(0.01)
        os.kill(process.pid, number)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number
    requeued = "; SLURM job 17 is requeued" if number is SIGUSR1 else ""
    words = "ended at once; the same command goes on from the last checkpoint, if any"
    assert told == f"cl-train: {number.name}: {words}{requeued}\n"
    assert asked.exists() is (number is SIGUSR1)
    assert not (tmp_path / "runs").exists()
