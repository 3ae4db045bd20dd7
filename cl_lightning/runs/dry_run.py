"""A dry run: a few steps that show that everything works, and leave no files."""

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from warnings import catch_warnings, simplefilter

from cl_lightning.runs.assemble import assemble_trainer
from cl_lightning.runs.checking.trainer_settings import check_trainer
from cl_lightning.runs.extending import extension
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.pictures import write_pictures
from cl_lightning.runs.preparing import prepared
from cl_lightning.runs.summary import summarise

SAVING = ("checkpoint", "preemption", "history")


def dry_run(config: dict[str, Any]) -> None:
    """Check a resolved config as its run would, then train `trainer.fast_dev_run` steps and evaluate as many
    batches. No run folder is read or written; loggers are checked but not made.

    Raises:
        ConfigError: as `cl_lightning.train.train`.
    """
    check_trainer(config["trainer"])
    real, dry = copy.deepcopy(config), copy.deepcopy(config)
    real["trainer"]["fast_dev_run"] = False
    steps = int(config["trainer"]["fast_dev_run"])
    dry["callbacks"] |= dict.fromkeys(SAVING)
    # Lightning counts batches; an optimizer step takes all batches of an accumulation.
    dry["trainer"] |= {
        "fast_dev_run": steps * config["trainer"]["accumulate_grad_batches"],
        "enable_checkpointing": False,
        "max_time": None,
    }
    with TemporaryDirectory(prefix="cl-train-") as place:
        folder = RunFolder(Path(place) / "run")
        method, data, whole = prepared(real, folder)
        extension(real, folder, method, data, whole)  # only checked: the steps are those of a new run
        trainer = assemble_trainer(dry, folder)
        with catch_warnings():
            simplefilter("ignore", UserWarning)  # warnings that only come because this epoch is so short
            trainer.fit(method, datamodule=data)
        summarise(config, trainer)
        if trainer.is_global_zero:
            folder.path.mkdir(exist_ok=True)  # a profiler may have written into it
            write_pictures(folder, trainer)
            print(success(trainer.global_step, RunFolder.of(real)))


def success(steps: int, folder: RunFolder) -> str:
    """The message at the end."""
    return (
        f"trainer.fast_dev_run: all works; {steps} {'step' if steps == 1 else 'steps'} and as much of an "
        f"evaluation have run, and nothing was saved. Without it the run folder is {folder.path}"
    )
