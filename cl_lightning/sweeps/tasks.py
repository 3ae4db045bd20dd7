"""Checks that a sweep is started as one process."""

import os

from cl_lightning.blueprints import ConfigError

TASKS = {"srun": "SLURM_STEP_NUM_TASKS", "torchrun": "WORLD_SIZE"}


def refuse_several_tasks() -> None:
    """Refuse several processes of srun or torchrun: each would run the whole sweep.

    Raises:
        ConfigError: this is one of several such processes.
    """
    for starter, variable in TASKS.items():
        if os.environ.get(variable, "1") != "1":
            raise ConfigError(
                f"{starter} has started {os.environ[variable]} processes, and each would run this whole "
                "sweep; accepted: cl-train -m in one process, with hydra/launcher=slurm for SLURM's jobs"
            )
