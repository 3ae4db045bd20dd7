"""Sweeps of many runs: their jobs, where each job runs, and how it ended."""

from cl_lightning.sweeps.ending import JobsFailedError, end
from cl_lightning.sweeps.jobs import Job, JobError, JobInterruptedError, plan

__all__ = ["Job", "JobError", "JobInterruptedError", "JobsFailedError", "end", "plan"]
