"""Puts a job back into SLURM's queue."""

import os
import subprocess

SECONDS = 60


def requeue() -> str | None:
    """Ask SLURM to start this job again. Returns the outcome as text; None if this is no SLURM job.

    In an array, only this task is requeued. SLURM ends the present job; it may start again minutes later.
    """
    job = _job()
    if job is None:
        return None
    try:
        done = subprocess.run(
            ["scontrol", "requeue", job], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"SLURM job {job} could not be requeued: {error}"
    if done.returncode:
        return f"SLURM job {job} could not be requeued: {' '.join(done.stderr.split())}"
    return f"SLURM job {job} is requeued"


def _job() -> str | None:
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}_ID") for name in ("JOB", "TASK"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
