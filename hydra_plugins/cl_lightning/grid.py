"""A sweeper for every combination of values."""

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
from cl_lightning.sweeps.overrides import all_overrides


class GridSweeper(Sweeper):
    """Runs every combination of Hydra's lists, ranges, choices and globs, even if some jobs fail.

    Args:
        params: overrides by key, in command-line form; the command line takes precedence.
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
            JobsFailedError: some failed; the terminal shows them.
            OutOfTime: none failed, but the time limit ended some.
        """
        overrides = all_overrides(self._loader, self._params, arguments)
        returned = self._launcher.launch(combinations(overrides), 0)
        end(returned, self._root)
        return returned


def combinations(overrides: list[Override]) -> list[list[str]]:
    """The overrides of each job. If a key occurs twice, the later override counts.

    Raises:
        HydraException: an override is an interval, which has no list of values.
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
