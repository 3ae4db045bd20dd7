"""Shows the state of a sweep while it runs."""

import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from cl_lightning.sweeps.jobs import Job, reason

CLEAR = "\r\x1b[K"  # empties the current line of a terminal


class Board:
    """Shows which jobs are done, running, waiting and failed, and about how much time is left.

    Prints a line for each change; on a terminal `tick` updates one more line. The time left is estimated from
    the mean duration of the jobs that ended here, and the number of jobs at once.

    Args:
        jobs: the jobs of the sweep, as `plan` returns them.
        at_once: the largest number of jobs at the same time.
    """

    def __init__(self, jobs: Sequence[Job], at_once: int = 1) -> None:
        self._jobs = jobs
        self._at_once = at_once
        self._began: dict[int, float] = {}
        self._took: list[float] = []

    def opened(self) -> None:
        """Print the first lines, before any job starts."""
        before = sum(job.state == "finished" for job in self._jobs)
        jobs = "1 job" if len(self._jobs) == 1 else f"{len(self._jobs)} jobs"
        self._print(f"{jobs}, {before} finished before" if before else jobs)
        for job in self._jobs:
            if job.error is not None:
                self._print(f"{self._name(job)} can't run: {reason(job.error)}")

    def started(self, job: Job) -> None:
        self._began[job.number] = time.monotonic()
        self._print(f"{self._name(job)} starts; {self.status()}")

    def ended(self, job: Job) -> None:
        took = time.monotonic() - self._began.pop(job.number, time.monotonic())
        if job.error is None:
            self._took.append(took)
            outcome = f"is done after {_clock(took)}, {job.config['run']['metric']} {_number(job.value)}"
        else:
            outcome = f"{job.state} after {_clock(took)}: {reason(job.error)}"
        self._print(f"{self._name(job)} {outcome}; {self.status()}")

    def read(self, job: Job) -> None:
        """Print a line about a job whose run another process has finished in the meantime."""
        self._print(f"{self._name(job)} is the run {job.folder.path}, which is done; {self.status()}")

    def waits(self, job: Job) -> None:
        """Print a line about a job that was running and is now back in a queue."""
        self._began.pop(job.number, None)
        self._print(f"{self._name(job)} waits to go on; {self.status()}")

    def tick(self) -> None:
        """Update the status line on a terminal."""
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
        counts = [f"{done} of {len(self._jobs)} done"]
        counts += [f"{number} {state}" for state, number in count.items() if number]
        left = self._seconds_left(count["running"] + count["waiting"])
        return ", ".join(counts + ([f"about {_clock(left)} left"] if left >= 1 else []))

    def _seconds_left(self, jobs: int) -> float:
        if not self._took:
            return 0
        now = time.monotonic()
        mean = sum(self._took) / len(self._took)
        spent = sum(min(now - began, mean) for began in self._began.values())
        return max(0.0, (jobs * mean - spent) / min(self._at_once, max(1, jobs)))

    def _name(self, job: Job) -> str:
        return f"{self._jobs.index(job) + 1}/{len(self._jobs)} {job.name or ' '.join(job.overrides)}"

    def _print(self, line: str) -> None:
        if len(self._jobs) > 1 or self._at_once > 1:  # a single job prints its own lines
            print(f"{CLEAR if sys.stdout.isatty() else ''}sweep: {line}", flush=True)


def _number(value: float | None) -> str:
    return "was not measured" if value is None else f"{value:.4g}"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
