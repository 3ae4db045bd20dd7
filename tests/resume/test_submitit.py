"""Under submitit its own handler requeues, after our save."""

from pathlib import Path
from typing import Any

import pytest
import submitit

from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, ROOT, SMALL, run_folder, write_photos
from tests.resume.submitted import Job
from tests.small import config

LONGEST = 240  # seconds


@pytest.mark.slow
def test_a_job_that_is_preempted_twice_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: Any
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_photos(tmp_path)
    expected = uninterrupted(*METHODS["moco_v2"])
    executor = submitit.LocalExecutor(tmp_path / "log")
    executor.update_parameters(timeout_min=LONGEST / 60, signal_delay_s=0)
    job = executor.submit(Job(tmp_path, config(*SMALL, *METHODS["moco_v2"]), [2, 5]))

    assert job.result()["steps"] == 9
    assert (tmp_path / "requeued").read_text() == 2 * "once\n"
    assert "continues after 3 steps" in (told := job.stdout() or "")
    assert "continues after 6 steps" in told
    assert differences(expected, ended_with(run_folder(tmp_path))) == []
