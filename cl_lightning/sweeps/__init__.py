"""Many runs: what they are, where each is trained, and what became of them."""

from cl_lightning.sweeps.ending import JobsFailedError, end
from cl_lightning.sweeps.jobs import Job, JobError, JobInterruptedError, plan

__all__ = ["Job", "JobError", "JobInterruptedError", "JobsFailedError", "end", "plan"]
