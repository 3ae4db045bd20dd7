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

POLL = 0.1  # seconds between two checks of the running jobs


def run_in_turn(jobs: Sequence[Job], here: Callable[[Job], None]) -> None:
    """Run one job after the other: in this process with `here`, or in its own process.

    When one of a job's processes fails, a thread of Lightning's launcher kills the main process some seconds
    later, even if the next job is already running in it. So a job for which Lightning starts processes gets
    its own main process.
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
    """Run up to `number` jobs at the same time, each in its own process.

    The output of a job goes to `run.root`/logs/NAME-HASH.log.
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
    """Whether Lightning starts processes for such a Trainer, or makes this process the first of a group."""
    return (
        str(trainer.get("devices")) != "1"
        or trainer.get("num_nodes") != 1
        or trainer.get("strategy") != "auto"
    )


def check_system(jobs: Sequence[Job], at_once: bool) -> None:
    """Check that this system can run the jobs that need their own processes.

    Raises:
        ConfigError: it is Windows, where a job's processes can't be ended together.
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
    """The file for the output of a job."""
    path = job.folder.path
    return path.parent / "logs" / f"{path.name}.log"


def _next(jobs: Sequence[Job], running: dict[Job, Command]) -> Job | None:
    """The first waiting job whose run is not already running as another job."""
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
        _remove_log(log_of(job))
    elif not (job.read() or _read_moved(job)):
        job.fail(JobError(f"it ended without a result in {job.folder.path}"))


def _remove_log(log: Path) -> None:
    """Remove the log of a job that saves nothing, and its folders if they are empty."""
    log.unlink(missing_ok=True)
    with suppress(OSError):
        log.parent.rmdir()
        log.parent.parent.rmdir()


def _read_moved(job: Job) -> bool:
    """Whether the run is finished in the folder of another hash, because its images were moved."""
    from cl_lightning.runs.same_run import begun  # imports torch, which is slow

    return job.read(begun(job.config, job.folder))


@contextmanager
def _ending_together(running: dict[Job, Command]) -> Iterator[None]:
    """After a signal the running jobs save and end, then this process; a second signal kills them."""
    try:
        yield
    except StoppedAtOnce as stop:
        for command in running.values():
            command.stop()
        print(f"\nsweep: {stop.signal.name}: {len(running)} running jobs end after their step", flush=True)
        while not all(command.ended() for command in running.values()):
            time.sleep(POLL)
        requeued = requeue() if stop.signal in REQUEUEING else None
        advice = f"cl-train: {stop.signal.name}: the same command continues the sweep"
        print(f"{advice}{f'; {requeued}' if requeued else ''}", file=sys.stderr)
        raise StopRun(stop.signal) from None
    finally:
        for command in running.values():
            command.kill()
