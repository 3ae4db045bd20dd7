"""The end of a sweep."""

import sys
from collections.abc import Sequence

from hydra.core.utils import JobReturn, JobStatus

from cl_lightning.interruption import TIME_IS_OVER, OutOfTime
from cl_lightning.sweeps.jobs import JobInterruptedError, differing, reason


class JobsFailedError(Exception):
    """Some jobs of a sweep failed; the terminal shows which ones, and why."""


def end(jobs: Sequence[JobReturn], root: str) -> None:
    """List the failed jobs, and print how to compare the runs in the folder `root`.

    Raises:
        JobsFailedError: some jobs failed.
        OutOfTime: none failed, but the time limit ended some.
    """
    failed = [job for job in jobs if job.status is JobStatus.FAILED]
    if done := sum(job.status is JobStatus.COMPLETED for job in jobs):
        print(f"sweep: {done} of {len(jobs)} jobs done; cl-report {root} compares all", flush=True)
    interrupted = sum(isinstance(job._return_value, JobInterruptedError) for job in jobs)
    if interrupted:
        what = f"{TIME_IS_OVER} for {interrupted} of {len(jobs)} jobs; the same command goes on with them"
        print(f"cl-train: {what}", file=sys.stderr)
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
