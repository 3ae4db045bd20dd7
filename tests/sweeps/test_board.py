"""What a sweep shows."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from cl_lightning.sweeps import JobError
from cl_lightning.sweeps.board import Board
from tests.sweeps.programs import job


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("cl_lightning.sweeps.board.time", clock)
    return clock


def test_each_change_is_a_line_with_what_is_done_and_left(clock: Clock, capsys: Any) -> None:
    jobs = [job(seed) for seed in range(5)]
    jobs[0].end(0.5)
    jobs[1].fail(JobError("seed is -1;\n accepted: more"))
    board = Board(jobs)
    board.opened()
    jobs[2].start()
    board.started(jobs[2])
    clock.now += 90
    jobs[2].end(0.123456)
    board.ended(jobs[2])
    jobs[3].start()
    board.started(jobs[3])
    clock.now += 3600
    jobs[3].fail(JobError("no photo"))
    board.ended(jobs[3])
    jobs[4].start()
    board.started(jobs[4])
    jobs[4].end(None)
    board.ended(jobs[4])
    assert capsys.readouterr().out.splitlines() == [
        "sweep: 5 jobs, 1 finished before",
        "sweep: 2/5 seed=1 can't run: seed is -1; accepted: more",
        "sweep: 3/5 seed=2 starts; 1 of 5 done, 1 running, 2 waiting, 1 failed",
        "sweep: 3/5 seed=2 is done after 0:01:30, knn_top1 0.1235; 2 of 5 done, 2 waiting, 1 failed, "
        "about 0:03:00 left",
        "sweep: 4/5 seed=3 starts; 2 of 5 done, 1 running, 1 waiting, 1 failed, about 0:03:00 left",
        "sweep: 4/5 seed=3 failed after 1:00:00: no photo; 2 of 5 done, 1 waiting, 2 failed, "
        "about 0:01:30 left",
        "sweep: 5/5 seed=4 starts; 2 of 5 done, 1 running, 2 failed, about 0:01:30 left",
        "sweep: 5/5 seed=4 is done after 0:00:00, knn_top1 was not measured; 3 of 5 done, 2 failed",
    ]


def test_the_time_left_counts_what_running_jobs_have_spent_and_how_many_run_at_once(clock: Clock) -> None:
    jobs = [job(seed) for seed in range(6)]
    board = Board(jobs, at_once=2)
    for one in jobs[:2]:
        one.start()
        board.started(one)
    clock.now += 100
    jobs[0].end(0.5)
    board.ended(jobs[0])
    jobs[2].start()
    board.started(jobs[2])
    clock.now += 20
    # Five jobs of 100 s, of which one has run 100 s and more, and one 20 s, two at once.
    assert board.status().endswith("about 0:03:10 left")
    for one in jobs[1:5]:
        one.end(0.5)
        board.ended(one)
    # 100, 120 and 20 s, and twice none: a mean of 48 s, for one job that nobody shares.
    assert board.status() == "5 of 6 done, 1 waiting, about 0:00:48 left"


def test_a_job_that_is_put_back_waits(clock: Clock, capsys: Any) -> None:
    jobs = [job(0), job(1)]
    board = Board(jobs)
    jobs[0].start()
    board.started(jobs[0])
    jobs[0].wait()
    board.waits(jobs[0])
    assert board.status() == "0 of 2 done, 2 waiting"
    assert capsys.readouterr().out.splitlines()[-1] == (
        "sweep: 1/2 seed=0 waits to go on; 0 of 2 done, 2 waiting"
    )


def test_a_single_job_tells_of_itself(capsys: Any) -> None:
    jobs = [job(0)]
    board = Board(jobs)
    board.opened()
    jobs[0].start()
    board.started(jobs[0])
    jobs[0].end(0.5)
    board.ended(jobs[0])
    assert capsys.readouterr().out == ""


def test_a_terminal_has_one_line_that_fits_and_gives_way(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [job(0), job(1)]
    board = Board(jobs)
    board.tick()
    assert capsys.readouterr().out == "", "no terminal"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1)
    monkeypatch.setattr(
        "cl_lightning.sweeps.board.os",
        SimpleNamespace(get_terminal_size=lambda file: os.terminal_size((20, 5))),
    )
    board.tick()
    jobs[0].start()
    board.started(jobs[0])
    out = capsys.readouterr().out
    assert out.startswith("\r\x1b[Ksweep: 0 of 2 done,\r\x1b[Ksweep: 1/2 seed=0 starts; ")
