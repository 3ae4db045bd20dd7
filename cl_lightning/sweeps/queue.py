"""SLURM's queue, for the runs of one folder."""

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from submitit import SlurmExecutor, SlurmJob
from submitit.helpers import DelayedSubmission
from submitit.slurm.slurm import _make_sbatch_string

from cl_lightning.sweeps.jobs import Job, JobError, reason

TIMEOUTS = 10_000  # how often a run may continue: practically without limit
JOB_OF = "job-of-"  # the file job-of-RUN holds the number of the run's SLURM job


class Training:
    """The task of a SLURM job: trains a run, and continues it after an interruption."""

    def __init__(self, config: dict[str, Any], train: Callable[[dict[str, Any]], Any]) -> None:
        self._config, self._train = config, train

    def __call__(self) -> None:
        try:
            self._train(self._config)
        except Exception as error:
            raise JobError(reason(error)) from error

    def checkpoint(self) -> DelayedSubmission:
        """The task that submitit starts after a signal."""
        return DelayedSubmission(self)


class Queue:
    """Submits runs, and finds their SLURM jobs again.

    Args:
        folder: the folder of scripts, pickles, logs, and the job number of each run. Only this user may
            access it, because whoever can write a pickle can run code.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def script(self, jobs: int, parameters: dict[str, Any]) -> str:
        """The script that `submit` passes to sbatch, for this number of jobs."""
        command = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(self._jobs))}"
        number = jobs if jobs > 1 else None
        return _make_sbatch_string(command=command, folder=self._jobs, map_count=number, **parameters)

    def submit(
        self, jobs: Sequence[Job], train: Callable[[dict[str, Any]], Any], parameters: dict[str, Any]
    ) -> str:
        """Submit jobs with equal parameters, several as an array. Returns SLURM's job number.

        Raises:
            RuntimeError: there is no SLURM here.
            submitit.core.utils.FailedJobError: SLURM refuses.
        """
        executor = SlurmExecutor(self._jobs, max_num_timeout=TIMEOUTS)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        executor.update_parameters(**parameters)
        with executor.batch():
            submitted = [executor.submit(Training(job.config, train)) for job in jobs]
        for job, slurms in zip(jobs, submitted, strict=True):
            self._record(job).write_text(slurms.job_id, encoding="utf-8")
        return submitted[0].job_id.split("_")[0]

    def number(self, job: Job) -> str | None:
        """SLURM's job number of the last submission of this run."""
        record = self._record(job)
        return record.read_text(encoding="utf-8") if record.is_file() else None

    def states(self, numbers: Iterable[str]) -> dict[str, str]:
        """The states, by number, of the jobs that SLURM has not ended, such as RUNNING or PENDING.

        Raises:
            ConnectionError: SLURM does not answer.
        """
        wanted = sorted({number.split("_")[0] for number in numbers})
        if not wanted:
            return {}
        command = ["squeue", "--noheader", "--array", "--format=%i %T", f"--jobs={','.join(wanted)}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode and "Invalid job id" not in answer.stderr:
            raise ConnectionError(" ".join(answer.stderr.split()))
        return dict(line.split() for line in answer.stdout.splitlines())

    def log(self, number: str) -> Path:
        """The log file of the first task of a job."""
        return SlurmJob(self._jobs, number).paths.stdout

    @property
    def _jobs(self) -> Path:
        return self._folder / "%j"

    def _record(self, job: Job) -> Path:
        return self._folder / f"{JOB_OF}{job.folder.path.name}"
