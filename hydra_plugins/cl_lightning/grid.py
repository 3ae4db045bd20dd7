"""Every combination of a sweep's values."""

import itertools
from collections.abc import Mapping
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from cl_lightning.sweeps import end
from cl_lightning.sweeps.overrides import overrides_given


class GridSweeper(Sweeper):
    """Hydra's lists, ranges, choices and globs; all jobs are launched, whatever becomes of the others.

    Args:
        params: values of keys that the command line does not give, as it would give them.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self._params = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._root = config.run.root
        self._loader = hydra_context.config_loader
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run a job for each combination.

        Raises:
            JobsFailedError: some failed, which the terminal has told.
            OutOfTime: none failed, and some have had their time.
        """
        given = overrides_given(self._loader, self._params, arguments)
        returned = self._launcher.launch(combinations(given), 0)
        end(returned, self._root)
        return returned


def combinations(overrides: list[Override]) -> list[list[str]]:
    """The overrides of each job; of two for one key the later holds.

    Raises:
        HydraException: an interval, which has no list of values.
    """
    values: dict[str, list[str]] = {}
    for override in overrides:
        key = override.get_key_element()
        if not override.is_sweep_override():
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
        elif override.is_discrete_sweep():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise HydraException(
                f"{override.input_line} is an interval; accepted: a list, range(), choice() or glob(), or "
                "hydra/sweeper=optuna"
            )
    return [list(job) for job in itertools.product(*values.values())]
