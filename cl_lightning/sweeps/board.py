"""What a sweep shows while it runs."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from cl_lightning.sweeps.jobs import Job, reason

CLEAR = "\r\x1b[K"  # of a terminal: this line is empty again


class Board:
    """Which jobs are done, running, waiting and failed, and about how long the rest will take.

    A line for each change; on a terminal `tick` keeps one more up to date. The time left follows the mean of
    the jobs that ended here, and how many run at once.

    Args:
        jobs: of the sweep, as `plan` made them.
        at_once: the most that run at the same time.
    """

    def __init__(self, jobs: Sequence[Job], at_once: int = 1) -> None:
        self._jobs = jobs
        self._at_once = at_once
        self._began: dict[int, float] = {}
        self._took: list[float] = []

    def opened(self) -> None:
        """Before the first job starts."""
        before = sum(job.state == "finished" for job in self._jobs)
        jobs = "1 job" if len(self._jobs) == 1 else f"{len(self._jobs)} jobs"
        self._tell(f"{jobs}, {before} finished before" if before else jobs)
        for job in self._jobs:
            if job.error is not None:
                self._tell(f"{self._name(job)} can't run: {reason(job.error)}")

    def started(self, job: Job) -> None:
        self._began[job.number] = time.monotonic()
        self._tell(f"{self._name(job)} starts; {self.status()}")

    def ended(self, job: Job) -> None:
        took = time.monotonic() - self._began.pop(job.number, time.monotonic())
        if job.error is None:
            self._took.append(took)
            words = f"is done after {_clock(took)}, {job.config['run']['metric']} {_number(job.value)}"
        else:
            words = f"{job.state} after {_clock(took)}: {reason(job.error)}"
        self._tell(f"{self._name(job)} {words}; {self.status()}")

    def read(self, job: Job) -> None:
        """Of a job whose run another one has ended meanwhile."""
        self._tell(f"{self._name(job)} is the run {job.folder.path}, which is done; {self.status()}")

    def waits(self, job: Job) -> None:
        """Of a job that ran, and was put back into a queue."""
        self._began.pop(job.number, None)
        self._tell(f"{self._name(job)} waits to go on; {self.status()}")

    def tick(self) -> None:
        """Show on a terminal how things are now."""
        if sys.stdout.isatty():
            line = f"sweep: {self.status()}"[: os.get_terminal_size(sys.stdout.fileno()).columns - 1]
            print(CLEAR + line, end="", flush=True)

    def status(self) -> str:
        """`3 of 12 done, 2 running, 7 waiting, about 0:12:30 left`."""
        count = {
            state: sum(job.state == state for job in self._jobs)
            for state in ("running", "waiting", "failed", "interrupted")
        }
        done = sum(job.state == "finished" for job in self._jobs)
        words = [f"{done} of {len(self._jobs)} done"]
        words += [f"{number} {state}" for state, number in count.items() if number]
        left = self._seconds_left(count["running"] + count["waiting"])
        return ", ".join(words + ([f"about {_clock(left)} left"] if left >= 1 else []))

    def _seconds_left(self, jobs: int) -> float:
        if not self._took:
            return 0
        now = time.monotonic()
        mean = sum(self._took) / len(self._took)
        spent = sum(min(now - began, mean) for began in self._began.values())
        return max(0.0, (jobs * mean - spent) / min(self._at_once, max(1, jobs)))

    def _name(self, job: Job) -> str:
        return f"{self._jobs.index(job) + 1}/{len(self._jobs)} {job.name or ' '.join(job.overrides)}"

    def _tell(self, line: str) -> None:
        if len(self._jobs) > 1 or self._at_once > 1:  # else the one job tells of itself
            print(f"{CLEAR if sys.stdout.isatty() else ''}sweep: {line}", flush=True)


def _number(value: float | None) -> str:
    return "was not measured" if value is None else f"{value:.4g}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
