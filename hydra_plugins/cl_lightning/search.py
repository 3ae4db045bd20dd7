"""A sweeper that searches with Optuna."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.runs import run_hash
from cl_lightning.sweeps import JobInterruptedError, end, plan
from cl_lightning.sweeps.overrides import all_overrides

DIRECTIONS = ("maximize", "minimize")
METRIC = "run.metric"


class OptunaSweeper(Sweeper):
    """Chooses the values of each trial from the results before. conf/hydra/sweeper/optuna.yaml explains the
    settings."""

    def __init__(
        self,
        n_trials: int,
        n_jobs: int,
        direction: Any,
        study: str,
        storage: str,
        seed: int,
        params: Mapping[str, Any],
    ) -> None:
        self._n_trials, self._n_jobs, self._direction = n_trials, n_jobs, direction
        self._study, self._storage, self._seed, self._params = study, storage, seed, params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._config = hydra_context, config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run trials until the study has `n_trials`, counting those of other processes.

        Raises:
            ConfigError: a setting, or a value that all trials share, is not valid.
            JobsFailedError: some trials failed; the terminal shows them.
            OutOfTime: none failed, but the time limit ended some.
        """
        self._check()
        try:
            from cl_lightning.sweeps.aim import check_some_measure, direction_of
            from cl_lightning.sweeps.search import Search
            from cl_lightning.sweeps.space import samples, space
        except ImportError as error:
            raise ConfigError(
                f"hydra/sweeper=optuna needs Optuna ({error}); accepted: pip install 'cl_lightning[optuna]'"
            ) from error
        fixed, chosen = space(all_overrides(self._context.config_loader, self._params, arguments))
        (shared,) = plan(self._context, self._config, [fixed], 0)
        if shared.error is not None:
            raise shared.error
        if shared.is_dry:
            raise ConfigError(
                "trainer.fast_dev_run saves no result, but a search compares results; accepted: "
                "trainer.fast_dev_run=false, or a run or sweep without hydra/sweeper=optuna"
            )
        if METRIC in chosen:
            raise ConfigError(f"{METRIC} has several values, which can't be compared; accepted: one value")
        tried = (plan(self._context, self._config, [[*fixed, *own]], 0)[0] for own in samples(chosen))
        check_some_measure(tried, here=not getattr(self._launcher, "elsewhere", True))
        metric, about = shared.config["run"]["metric"], run_hash(shared.config)
        direction = direction_of(metric, self._direction)
        search = Search(Path(self._storage), self._study, direction, self._seed, chosen, about, metric)
        returned: list[JobReturn] = []
        interrupted: set[int] = set()  # trials that the next start continues
        while True:
            with search.trials(self._n_jobs, self._n_trials, interrupted) as trials:
                if not trials:
                    break
                for trial in trials:
                    print(f"sweep: trial {trial.number + 1} of {self._n_trials}: {' '.join(trial.overrides)}")
                ended = self._launcher.launch(
                    [[*fixed, *trial.overrides] for trial in trials], trials[0].number
                )
                if not ended:  # hydra.launcher.dry_run of SLURM
                    return ended
                for trial, job in zip(trials, ended, strict=True):
                    if isinstance(job._return_value, JobInterruptedError):
                        interrupted.add(trial.number)
                    if job.status is not JobStatus.UNKNOWN:  # not yet run, or interrupted
                        done = job.status is JobStatus.COMPLETED
                        search.tell(trial, job.return_value if done else None)
                returned += ended
        if (best := search.best()) is not None:
            number, value, overrides = best
            print(f"sweep: the best {metric} is {value:.4g}, by trial {number + 1}: {' '.join(overrides)}")
        end(returned, shared.config["run"]["root"])
        return returned

    def _check(self) -> None:
        for name, value in {"n_trials": self._n_trials, "n_jobs": self._n_jobs}.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f"hydra.sweeper.{name} is {shown(value)}; accepted: a whole number from 1")
        if set(str(self._study)) & set("/\\\0") or str(self._study) in ("", ".", ".."):
            raise ConfigError(f"hydra.sweeper.study is {shown(self._study)}; accepted: a valid file name")
        if self._direction not in (None, *DIRECTIONS):
            raise ConfigError(
                f"hydra.sweeper.direction is {shown(self._direction)}; accepted: {', '.join(DIRECTIONS)}, or "
                "null for the better direction of run.metric"
            )
