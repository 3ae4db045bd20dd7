"""One job after the other."""

from pathlib import Path
from typing import Any

import pytest

from cl_lightning.interruption import OutOfTime
from cl_lightning.sweeps import Job, JobError, JobsFailedError, end
from cl_lightning.sweeps.local import run_in_turn, starts_processes
from tests.sweeps.programs import in_place_of_cl_train, job

PLACES = {
    "devices=1": ({}, False),
    "devices='1'": ({"devices": "1"}, False),
    "devices=2": ({"devices": 2}, True),
    "devices=auto": ({"devices": "auto"}, True),
    "devices=[3]": ({"devices": [3]}, True),
    "num_nodes=2": ({"num_nodes": 2}, True),
    "strategy=ddp": ({"strategy": "ddp"}, True),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_job_for_which_lightning_may_start_processes_gets_one_of_its_own(place: str) -> None:
    trainer, own = PLACES[place]
    assert starts_processes(job(**trainer).config["trainer"]) is own


def test_jobs_run_in_their_order_here_or_in_a_process_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_cl_train(
        monkeypatch, "note('order', f'{seed} there')\nif seed == 1: sys.exit(3)\nfinish(0.25)"
    )

    def here(one: Job) -> None:
        with Path("order").open("a") as file:
            file.write(f"{one.number} here\n")
        if one.number == 2:
            one.fail(JobError("no"))
        else:
            one.end(0.5)

    jobs = [job(0, devices=2), job(1, devices=2), job(2), job(3), job(4), job(0, devices=3)]
    jobs[3].end(0.125)  # finished before
    run_in_turn(jobs, here)
    assert Path("order").read_text() == "0 there\n1 there\n2 here\n4 here\n"
    assert [one.state for one in jobs] == ["finished", "failed", "failed", *["finished"] * 3]
    assert [one.value for one in jobs] == [0.25, None, None, 0.125, 0.5, 0.25]
    assert str(jobs[1].error) == "exit code 3"
    assert not Path("runs/logs").exists()


def test_a_job_that_has_had_its_time_is_interrupted_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_place_of_cl_train(monkeypatch, "sys.exit(124) if seed == 0 else finish(0.25)")
    jobs = [job(0, devices=2), job(1, devices=2)]
    run_in_turn(jobs, lambda one: None)
    assert [one.state for one in jobs] == ["interrupted", "finished"]
    with pytest.raises(OutOfTime):
        end([one.returned() for one in jobs], "runs")
    jobs[1].fail(JobError("no"))
    with pytest.raises(JobsFailedError):
        end([one.returned() for one in jobs], "runs")


def test_a_job_that_ends_without_a_result_has_failed(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    in_place_of_cl_train(monkeypatch, "")
    one = job(devices=2)
    run_in_turn([one], lambda one: None)
    assert str(one.error) == f"it ended without a result in {one.folder.path}"
