"""A job of submitit's that is pre-empted as often as it is told, and goes on each time."""

import os
from pathlib import Path
from typing import Any

from submitit.helpers import DelayedSubmission

from cl_lightning.runs import preparing
from cl_lightning.train import train
from tests.resume.faulty import Fault


class Job:
    """Trains the run of `config` in `folder`; SIGUSR2 comes once a start, at the first of `steps`."""

    def __init__(self, folder: Path, config: dict[str, Any], steps: list[int]) -> None:
        self.folder, self.config, self.steps = folder, config, steps

    def __call__(self) -> dict[str, Any]:
        os.chdir(self.folder)
        if self.steps:
            preparing.assemble_trainer = Fault("step", str(self.steps[0]), "SIGUSR2").in_trainer
        return train(self.config)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit starts next, after a signal."""
        with (self.folder / "requeued").open("a") as file:
            file.write("once\n")
        return DelayedSubmission(Job(self.folder, self.config, self.steps[1:]))
