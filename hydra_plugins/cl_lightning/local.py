"""A launcher for jobs on this machine."""

from collections.abc import Sequence
from traceback import print_exception
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.commands.messages import explain, wants_traceback
from cl_lightning.interruption import OutOfTime
from cl_lightning.runs.identity import has_fixed_content
from cl_lightning.sweeps import Job, plan
from cl_lightning.sweeps.local import check_system, run_at_once, run_in_turn
from cl_lightning.sweeps.places import cores, visible_gpus
from cl_lightning.sweeps.tasks import refuse_several_tasks


class LocalLauncher(Launcher):
    """Runs one job after the other, or `n_jobs` at once.

    Args:
        n_jobs: a number from 1, or auto: as many as can have their own GPUs; on a CPU one for each two cores.
    """

    elsewhere = False  # whether other machines train the jobs

    def __init__(self, n_jobs: Any) -> None:
        self._n_jobs = n_jobs

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._task, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of these overrides. Finished jobs are only read; after a failed job the others run.

        Raises:
            ConfigError: `n_jobs` is not valid; or several processes were started for the sweep.
            StopRun: after a signal; all running jobs have been saved.
        """
        refuse_several_tasks()
        number = self._n_jobs
        if number != "auto" and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise ConfigError(
                f"hydra.launcher.n_jobs is {shown(number)}; accepted: a whole number from 1, or auto"
            )
        setup_globals()
        jobs = plan(self._context, self._config, job_overrides, initial_job_idx)
        _compare_finished(jobs)
        check_system(jobs, at_once=number != 1)
        if number == 1:
            run_in_turn(jobs, self._here)
        else:
            gpus = visible_gpus()
            run_at_once(jobs, _fitting(jobs, gpus) if number == "auto" else number, gpus)
        return [job.returned() for job in jobs]

    def _here(self, job: Job) -> None:
        """Run a job in this process, as Hydra's own launcher does."""
        assert job.cfg is not None, "the job was composed"
        try:
            ended = run_job(
                hydra_context=self._context,
                task_function=self._task,
                config=job.cfg,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
        except OutOfTime:
            job.interrupt()
            return
        if ended.status is JobStatus.COMPLETED:
            job.end(ended.return_value)
            return
        error = ended._return_value  # `return_value` would raise it, and log a line first
        if explain(error) is None or wants_traceback():
            print_exception(error)
        job.fail(error)


def _compare_finished(jobs: Sequence[Job]) -> None:
    """Mark finished jobs as failed if their images have changed since they were trained."""
    finished = [job for job in jobs if job.state == "finished" and not has_fixed_content(job.config)]
    if not finished:
        return
    from cl_lightning.runs.finished import FinishedRuns  # imports torch, which is slow

    runs = FinishedRuns()
    for job in finished:
        try:
            runs.check(job.folder, job.config)
        except ConfigError as error:
            job.fail(error)


def _fitting(jobs: Sequence[Job], gpus: list[str]) -> int:
    """How many jobs can run at once with their own GPUs or cores."""
    trainers = [job.config["trainer"] for job in jobs if job.error is None]
    on_gpus = [t for t in trainers if t.get("accelerator") != "cpu"] if gpus else []
    if not on_gpus:
        return max(1, cores() // 2)
    most = max(int(t["devices"]) if str(t["devices"]).isdecimal() else len(gpus) for t in on_gpus)
    return max(1, len(gpus) // max(1, most))
