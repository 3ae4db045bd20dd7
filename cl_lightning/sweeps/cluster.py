"""The jobs of a sweep as SLURM jobs."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from submitit.core.utils import FailedJobError

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.commands.quiet import quiet
from cl_lightning.interruption import TIME_IS_OVER, StoppedAtOnce, StopRun
from cl_lightning.runs.checking.for_cluster import check_for_cluster, processes
from cl_lightning.sweeps.board import Board
from cl_lightning.sweeps.failure import reason_in
from cl_lightning.sweeps.job_process import LAST_LINES
from cl_lightning.sweeps.jobs import Job, JobError
from cl_lightning.sweeps.queue import Queue

POLL = 10.0  # seconds between two queries to SLURM
SAME = ("partition", "account", "qos", "constraint", "cpus_per_task", "mem", "setup", "array_parallelism")


class Cluster:
    """Checks, submits and watches jobs.

    Args:
        root: `run.root`; its folder slurm/ holds the files for SLURM.
        settings: the settings in conf/hydra/launcher/slurm.yaml.

    Raises:
        ConfigError: a setting is not valid.
    """

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        for name in ("minutes", "signal_seconds", "cpus_per_task", "array_parallelism"):
            if not isinstance(settings[name], int) or settings[name] < 1:
                raise ConfigError(
                    f"hydra.launcher.{name} is {shown(settings[name])}; accepted: a whole number from 1"
                )
        if settings["signal_seconds"] >= 60 * settings["minutes"]:
            raise ConfigError(
                f"hydra.launcher.signal_seconds is {settings['signal_seconds']}, as long as the whole job; "
                f"accepted: below {60 * settings['minutes']} (hydra.launcher.minutes)"
            )
        self._settings = settings
        self._folder = root / "slurm"
        self._queue = Queue(self._folder)

    def check(self, jobs: Sequence[Job]) -> None:
        """Mark the jobs as failed that could not be trained on any machine."""
        quiet()
        for job in jobs:
            if job.state == "waiting":
                try:
                    if job.is_dry:
                        raise ConfigError(
                            "trainer.fast_dev_run saves nothing, so a SLURM job would leave no result; "
                            "accepted: hydra.launcher.dry_run=true, or cl-train in a job of its own"
                        )
                    check_for_cluster(job.config)
                    self._parameters(job)
                except Exception as error:
                    job.fail(error)

    def show(self, jobs: Sequence[Job]) -> None:
        """Print what would be submitted."""
        for alike in self._alike(jobs):
            print(self._queue.script(len(alike), self._parameters(alike[0])))
            for place, job in enumerate(alike):
                print(
                    f"# {f'task {place}' if len(alike) > 1 else 'job'}: {job.name or ' '.join(job.overrides)}"
                )
        print(f"sweep: {len(jobs)} jobs, nothing was submitted (hydra.launcher.dry_run=true)")

    def submit(self, jobs: Sequence[Job], train: Callable[[dict[str, Any]], Any]) -> None:
        """Submit the waiting jobs that SLURM does not already have.

        Raises:
            ConfigError: there is no SLURM here, or SLURM refuses them.
        """
        try:
            numbers = [n for job in jobs if job.state == "waiting" and (n := self._queue.number(job))]
            there = self._queue.states(numbers)
            missing = [job for job in jobs if self._queue.number(job) not in there] if there else jobs
            for alike in self._alike(missing):
                number = self._queue.submit(alike, train, self._parameters(alike[0]))
                print(
                    f"sweep: SLURM job {number} has {len(alike)} of them, logs in {self._folder}", flush=True
                )
        except (OSError, RuntimeError, FailedJobError) as error:
            raise ConfigError(
                f"SLURM does not take the jobs ({' '.join(str(error).split())}); accepted: a machine from "
                "which sbatch and squeue work, and values of hydra.launcher that this cluster accepts"
            ) from error

    def watch(self, jobs: Sequence[Job]) -> None:
        """Wait until SLURM has ended the jobs, and print what changes.

        Raises:
            StopRun: after a signal; the jobs stay in SLURM.
        """
        board = Board(jobs, self._settings["array_parallelism"])
        numbers = {job: n for job in jobs if job.state == "waiting" and (n := self._queue.number(job))}
        gone: set[Job] = set()
        try:
            while numbers:
                with suppress(ConnectionError):  # SLURM's controller may be busy, or restart
                    states = self._queue.states(numbers.values())
                    for job, number in list(numbers.items()):
                        if self._over(job, number, states.get(number), gone, board):
                            del numbers[job]
                board.tick()
                time.sleep(POLL if numbers else 0)
        except StoppedAtOnce as stop:
            ids = " ".join(sorted({number.split("_")[0] for number in numbers.values()}))
            advice = "the jobs stay with SLURM; the same command watches them again"
            print(f"\ncl-train: {stop.signal.name}: {advice}, scancel {ids} ends them", file=sys.stderr)
            raise StopRun(stop.signal) from None

    def _over(self, job: Job, number: str, state: str | None, gone: set[Job], board: Board) -> bool:
        if job.read():
            board.ended(job)
        elif state is None and job not in gone:
            gone.add(job)  # its last files may still be on their way through a network
        elif state is None:
            self._end(job, number)
            board.ended(job)
        elif state == "PENDING" and job.state == "running":
            job.wait()
            board.waits(job)
        elif state == "RUNNING" and job.state == "waiting":
            job.start()
            board.started(job)
        return job.state in ("finished", "failed", "interrupted")

    def _end(self, job: Job, number: str) -> None:
        """Set the state of a job that SLURM has ended, but whose run is not finished."""
        log = self._queue.log(number)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
        lines = lines[-LAST_LINES:]
        if any(line.startswith(TIME_IS_OVER) for line in lines):
            job.interrupt()
            return
        why = reason_in(lines, job.folder) or "SLURM ended it before it wrote anything"
        job.fail(JobError(f"{why} (SLURM job {number}, {log})"))

    def _alike(self, jobs: Sequence[Job]) -> list[list[Job]]:
        """The waiting jobs, each run once, in groups with equal SLURM parameters."""
        runs = {job.folder.path: job for job in reversed(jobs) if job.state == "waiting"}
        alike: dict[str, list[Job]] = {}
        for job in reversed(runs.values()):
            alike.setdefault(str(self._parameters(job)), []).append(job)
        return list(alike.values())

    def _parameters(self, job: Job) -> dict[str, Any]:
        """submitit's parameters for a job."""
        trainer, settings = job.config["trainer"], self._settings
        nodes, devices = processes(trainer)
        gpus = settings["gpus_per_node"]
        if gpus == "auto":
            gpus = 0 if trainer["accelerator"] == "cpu" else devices
        return {
            **{name: settings[name] for name in SAME if settings[name] is not None},
            "job_name": "cl-train",
            "nodes": nodes,
            "ntasks_per_node": devices,
            **({"gpus_per_node": gpus} if gpus else {}),
            "time": settings["minutes"],
            "signal_delay_s": settings["signal_seconds"],
            "stderr_to_stdout": True,
            "wckey": None,
            "srun_args": ["--kill-on-bad-exit"],
            "additional_parameters": {"requeue": True, **settings["sbatch"]},
        }
