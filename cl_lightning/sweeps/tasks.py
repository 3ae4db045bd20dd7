"""A sweep is one process."""

import os

from cl_lightning.blueprints import ConfigError

TASKS = {"srun": "SLURM_STEP_NUM_TASKS", "torchrun": "WORLD_SIZE"}


def refuse_several_tasks() -> None:
    """That this is not one of several processes of srun's or torchrun's, each with the whole sweep.

    Raises:
        ConfigError: it is.
    """
    for starter, variable in TASKS.items():
        if os.environ.get(variable, "1") != "1":
            raise ConfigError(
                f"{starter} has started {os.environ[variable]} processes, and each would run this whole "
                "sweep; accepted: cl-train -m in one process, with hydra/launcher=slurm for SLURM's jobs"
            )
