"""The jobs of a sweep, composed and checked before the first one starts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import OmegaConf, open_dict

from cl_lightning.commands import resolved
from cl_lightning.commands.messages import explain
from cl_lightning.interruption import TIME_IS_OVER
from cl_lightning.runs import RunFolder, check_keys
from cl_lightning.runs.checking.data_keys import check_effect
from cl_lightning.runs.checking.warm_up import check_warm_up
from cl_lightning.runs.contents import with_contents


class JobError(Exception):
    """A job failed; the message is for the user."""


class JobInterruptedError(JobError):
    """The time limit has ended a job; it is saved, and continues at the next start."""

    def __init__(self) -> None:
        super().__init__(f"{TIME_IS_OVER}; the same command goes on with it")


@dataclass(eq=False)
class Job:
    """One run of a sweep.

    Args:
        number: its number in the whole sweep, from 0.
        overrides: its overrides, as the sweeper made them.
        name: the overrides that differ between the jobs.
        cfg: the composed DictConfig with its `hydra` node; None if it can't be composed.
        config: the resolved config; empty if it can't be resolved.
        value: the metric that the sweep compares, for a finished run.
        error: the error of a failed or interrupted run.
    """

    number: int
    overrides: list[str]
    name: str
    cfg: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    state: Literal["waiting", "running", "finished", "failed", "interrupted"] = "waiting"
    value: float | None = None
    error: Exception | None = None

    @property
    def folder(self) -> RunFolder:
        return RunFolder.of(self.config)

    @property
    def is_dry(self) -> bool:
        """Whether the job saves nothing, see `cl_lightning.runs.dry_run`."""
        return bool(self.config["trainer"].get("fast_dev_run"))

    def read(self, folder: RunFolder | None = None) -> bool:
        """Whether the run is finished, by any process. If so, takes its value from the run folder."""
        if self.is_dry:
            return False
        summary = (folder or self.folder).summary()
        if summary is not None:
            self.end(summary[self.config["run"]["metric"]])
        return summary is not None

    def start(self) -> None:
        self.state = "running"

    def wait(self) -> None:
        """The job is back in a queue, and continues later."""
        self.state = "waiting"

    def end(self, value: float | None) -> None:
        self.state, self.value = "finished", value

    def fail(self, error: Exception) -> None:
        self.state, self.error = "failed", error

    def interrupt(self) -> None:
        self.state, self.error = "interrupted", JobInterruptedError()

    def returned(self) -> JobReturn:
        """The job's result in the form that Hydra's sweepers expect."""
        returned = JobReturn(overrides=self.overrides, cfg=self.cfg)
        status = {"finished": JobStatus.COMPLETED, "failed": JobStatus.FAILED}
        returned.status = status.get(self.state, JobStatus.UNKNOWN)
        returned.return_value = self.value if self.error is None else self.error
        return returned


def plan(context: HydraContext, sweep: Any, overrides: Sequence[Sequence[str]], first: int) -> list[Job]:
    """The jobs of a sweep, from the overrides of each. Runs that are already finished are marked finished.

    A job that can't be composed, or that `check_keys` refuses, is marked failed.
    """
    jobs = [Job(number, list(own), differing(own, overrides)) for number, own in enumerate(overrides, first)]
    for job in jobs:
        try:
            _compose(job, context, sweep)
            check_keys(job.config)
            job.config = with_contents(job.config)
            if job.read():
                check_warm_up(job.folder, job.config, job.folder.summary() or {})
        except Exception as error:
            job.fail(error)
    return jobs


def differing(own: Sequence[str], all_jobs: Sequence[Sequence[str]]) -> str:
    """The overrides of a job that not all jobs have, in one line; empty for a single job."""
    common = set.intersection(*map(set, all_jobs))
    return " ".join(override for override in own if override not in common)


def reason(error: BaseException) -> str:
    """Why a job failed, in one line."""
    message = str(error) if isinstance(error, JobError) else explain(error)
    return " ".join((message or f"{type(error).__name__}: {error}").split())


def _compose(job: Job, context: HydraContext, sweep: Any) -> None:
    job.cfg = context.config_loader.load_sweep_config(sweep, job.overrides)
    with open_dict(job.cfg):
        job.cfg.hydra.job.id = job.cfg.hydra.job.num = job.number
    before = HydraConfig.instance().cfg
    HydraConfig.instance().set_config(job.cfg)  # for ${hydra:...} in this job
    try:
        own = OmegaConf.masked_copy(job.cfg, [str(key) for key in job.cfg if key != "hydra"])
        check_effect(own, job.overrides)
        job.config = resolved(own)
    finally:
        HydraConfig.instance().cfg = before
