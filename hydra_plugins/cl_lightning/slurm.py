"""A launcher for jobs on a SLURM cluster."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from cl_lightning.blueprints import ConfigError
from cl_lightning.sweeps import Job, plan
from cl_lightning.sweeps.board import Board
from cl_lightning.sweeps.tasks import refuse_several_tasks
from cl_lightning.train import train


class SlurmLauncher(Launcher):
    """Submits the jobs of a sweep to SLURM and watches them.

    All jobs are composed and checked before any is submitted. Jobs with equal SLURM parameters become one
    array. A job that SLURM already has is not submitted again, so the same command watches a sweep again.

    Args:
        dry_run: show what would be submitted, and submit nothing.
        settings: the other settings in conf/hydra/launcher/slurm.yaml, which explains them.
    """

    elsewhere = True  # whether other machines train the jobs

    def __init__(self, dry_run: bool, **settings: Any) -> None:
        self._dry_run, self._settings = dry_run, settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs of these overrides on SLURM; finished jobs are only read.

        If one job can't be trained, none is submitted, and the others are returned without a status.

        Raises:
            ConfigError: a setting is not valid; there is no SLURM here; SLURM refuses the jobs.
            StopRun: after a signal; submitted jobs stay in SLURM.
        """
        refuse_several_tasks()
        setup_globals()
        jobs = plan(self._context, self._config, job_overrides, initial_job_idx)
        Board(jobs, self._settings["array_parallelism"]).opened()
        if any(job.state != "finished" for job in jobs):
            self._run(jobs)
        if self._dry_run and all(job.error is None for job in jobs):
            return []
        return [job.returned() for job in jobs]

    def _run(self, jobs: Sequence[Job]) -> None:
        root = str(self._config.run.root)
        try:
            from cl_lightning.sweeps.cluster import Cluster
        except ImportError as error:
            raise ConfigError(
                f"hydra/launcher=slurm needs submitit ({error}); accepted: pip install 'cl_lightning[slurm]'"
            ) from error
        settings: Any = OmegaConf.to_container(OmegaConf.create(self._settings), resolve=True)
        cluster = Cluster(Path(root), settings)
        cluster.check(jobs)
        if any(job.state == "failed" for job in jobs):
            print("cl-train: nothing was submitted", file=sys.stderr)
            return
        if self._dry_run:
            cluster.show(jobs)
            return
        cluster.submit(jobs, train)
        cluster.watch(jobs)
