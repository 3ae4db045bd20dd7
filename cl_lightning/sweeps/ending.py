"""How a sweep ended."""

import sys
from collections.abc import Sequence

from hydra.core.utils import JobReturn, JobStatus

from cl_lightning.interruption import TIME_IS_OVER, OutOfTime
from cl_lightning.sweeps.jobs import JobInterruptedError, differing, reason


class JobsFailedError(Exception):
    """Some jobs of a sweep failed; the terminal says which, and why."""


def end(jobs: Sequence[JobReturn], root: str) -> None:
    """List the jobs that failed, and tell how to compare those in the folder `root`.

    Raises:
        JobsFailedError: there are some.
        OutOfTime: none failed, and some have had their time.
    """
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    if done := sum(job.status is JobStatus.COMPLETED for job in jobs):
        print(f"sweep: {done} of {len(jobs)} jobs done; cl-report {root} compares all", flush=True)
    interrupted = sum(isinstance(job._return_value, JobInterruptedError) for job in jobs)
    if interrupted:
        words = f"{TIME_IS_OVER} for {interrupted} of {len(jobs)} jobs; the same command goes on with them"
        print(f"cl-train: {words}", file=sys.stderr)
    if interrupted and not failed:
        raise OutOfTime
    if not failed:
        return
    print(f"cl-train: {len(failed)} of {len(jobs)} jobs failed:", file=sys.stderr)
    everything = [job.overrides or [] for job in jobs]
    for job in failed:
        name = differing(job.overrides or [], everything)
        print(
            f"  {name}: {reason(job._return_value)}" if name else f"  {reason(job._return_value)}",
            file=sys.stderr,
        )
    raise JobsFailedError
