"""The jobs of a sweep on this machine."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.interruption import REQUEUEING, StoppedAtOnce, StopRun, requeue
from cl_lightning.sweeps.board import Board
from cl_lightning.sweeps.job_process import Command
from cl_lightning.sweeps.jobs import Job, JobError
from cl_lightning.sweeps.places import Places

POLL = 0.1  # seconds between two looks at the jobs that run


def run_in_turn(jobs: Sequence[Job], here: Callable[[Job], None]) -> None:
    """Run one job after the other: in this process by `here`, or in one of its own.

    Lightning's launcher starts a thread that kills its process some seconds after one of the job's other
    processes failed, even if another job is running in it by then. So a job for which Lightning starts
    processes gets a process of its own.
    """
    board = Board(jobs)
    board.opened()
    for job in jobs:
        if job.state != "waiting":
            continue
        if job.read():
            board.read(job)
            continue
        job.start()
        board.started(job)
        if starts_processes(job.config["trainer"]):
            with _ending_together(running := {job: Command(job.config, None, {})}):
                while not running[job].ended():
                    time.sleep(POLL)
            _finish(job, running[job])
        else:
            here(job)
        board.ended(job)


def run_at_once(jobs: Sequence[Job], number: int, gpus: list[str]) -> None:
    """Run up to `number` jobs at the same time, each in a process of its own.

    What a job prints goes to `run.root`/logs/NAME-HASH.log.
    """
    board, places = Board(jobs, number), Places(gpus, number)
    running: dict[Job, Command] = {}
    taken: dict[Job, dict[str, str]] = {}
    board.opened()
    with _ending_together(running):
        while running or any(job.state == "waiting" for job in jobs):
            while len(running) < number and (job := _next(jobs, running)) is not None:
                if job.read():
                    board.read(job)
                    continue
                taken[job] = places.take(job.config["trainer"])
                running[job] = Command(job.config, log_of(job), taken[job])
                job.start()
                board.started(job)
            for job in [job for job, command in running.items() if command.ended()]:
                _finish(job, running.pop(job))
                places.give_back(taken.pop(job))
                board.ended(job)
            board.tick()
            time.sleep(POLL)


def starts_processes(trainer: dict[str, Any]) -> bool:
    """Whether Lightning starts processes for such a Trainer, or makes this one the first of a group."""
    return (
        str(trainer.get("devices")) != "1"
        or trainer.get("num_nodes") != 1
        or trainer.get("strategy") != "auto"
    )


def check_system(jobs: Sequence[Job], at_once: bool) -> None:
    """That jobs which need processes of their own can have them.

    Raises:
        ConfigError: not on Windows, where a job's processes can't be ended together.
    """
    if hasattr(os, "killpg"):
        return
    if at_once:
        raise ConfigError(
            "hydra.launcher starts several jobs at once, which Windows can't end together; accepted: "
            "hydra/launcher=local"
        )
    if any(starts_processes(job.config["trainer"]) for job in jobs if job.state == "waiting"):
        raise ConfigError(
            "trainer.devices starts several processes for a job of a sweep, which Windows can't end "
            "together; accepted: trainer.devices=1, or cl-train without -m"
        )


def log_of(job: Job) -> Path:
    """Where a job writes that has no terminal of its own."""
    path = job.folder.path
    return path.parent / "logs" / f"{path.name}.log"


def _next(jobs: Sequence[Job], running: dict[Job, Command]) -> Job | None:
    """The first job that waits, unless it is the run of one that is on its way: then it waits for that."""
    busy = {job.folder.path for job in running}
    return next((job for job in jobs if job.state == "waiting" and job.folder.path not in busy), None)


def _finish(job: Job, command: Command) -> None:
    reason = command.error(job.folder)
    if command.is_out_of_time():
        job.interrupt()
    elif reason is not None:
        job.fail(JobError(reason))
    elif job.is_dry:
        job.end(None)
        _forget(log_of(job))
    elif not (job.read() or _read_elsewhere(job)):
        job.fail(JobError(f"it ended without a result in {job.folder.path}"))


def _forget(log: Path) -> None:
    """Remove the log of a job that keeps nothing, and folders in which nothing else is."""
    log.unlink(missing_ok=True)
    with suppress(OSError):
        log.parent.rmdir()
        log.parent.parent.rmdir()


def _read_elsewhere(job: Job) -> bool:
    """Whether the run is finished in another folder than that of its hash: its images were moved."""
    from cl_lightning.runs.same_run import begun  # with torch, which a wrong config does without

    return job.read(begun(job.config, job.folder))


@contextmanager
def _ending_together(running: dict[Job, Command]) -> Iterator[None]:
    """After a signal the running jobs save and end, and then this process; after a second one all at once."""
    try:
        yield
    except StoppedAtOnce as stop:
        for command in running.values():
            command.stop()
        print(f"\nsweep: {stop.signal.name}: {len(running)} running jobs end after their step", flush=True)
        while not all(command.ended() for command in running.values()):
            time.sleep(POLL)
        requeued = requeue() if stop.signal in REQUEUEING else None
        told = f"cl-train: {stop.signal.name}: the same command continues the sweep"
        print(f"{told}{f'; {requeued}' if requeued else ''}", file=sys.stderr)
        raise StopRun(stop.signal) from None
    finally:
        for command in running.values():
            command.kill()
