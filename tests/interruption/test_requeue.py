"""SLURM is asked for the right job, once, and what it answers is told."""

from pathlib import Path

import pytest

from cl_lightning.interruption import requeue
from tests.interruption.slurm import in_job, stand_in


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ({"SLURM_JOB_ID": "17"}, "17"),
        ({"SLURM_JOB_ID": "19", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "0"}, "17_0"),
    ],
)
def test_a_job_or_one_task_of_an_array_is_requeued(
    variables: dict[str, str], job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stand_in(tmp_path)
    in_job(monkeypatch, tmp_path, **variables)
    assert requeue() == f"SLURM job {job} is requeued"
    assert asked.read_text() == f"requeue {job}\n"


def test_outside_slurm_nothing_is_requeued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(tmp_path)
    in_job(monkeypatch, tmp_path)
    assert requeue() is None
    assert not asked.exists()


def test_a_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, code=1, words="Requested operation not supported")
    in_job(monkeypatch, tmp_path, SLURM_JOB_ID="17")
    assert requeue() == "SLURM job 17 could not be requeued: Requested operation not supported"


def test_a_machine_without_scontrol_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_job(monkeypatch, tmp_path, SLURM_JOB_ID="17", PATH=str(tmp_path))
    told = requeue()
    assert told is not None
    assert "SLURM job 17 could not be requeued: " in told
    assert "scontrol" in told
