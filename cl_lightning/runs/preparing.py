"""Prepares a run up to its first step, with all checks, before anything is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError
from cl_lightning.commands.quiet import quiet
from cl_lightning.data import ContrastiveData
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.assemble import assemble_method, assemble_trainer
from cl_lightning.runs.beginning import begin_weights
from cl_lightning.runs.checking import sizes
from cl_lightning.runs.checking.early_end import check_least, check_time_limit
from cl_lightning.runs.checking.rehearsal import rehearse
from cl_lightning.runs.checking.trainer_settings import check_trainer
from cl_lightning.runs.cpu import quicken_cpu
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.loggers import assemble_loggers
from cl_lightning.runs.own_images import record
from cl_lightning.runs.own_images.broken_files import broken_files_in, keep_broken


def prepared(config: dict[str, Any], folder: RunFolder) -> tuple[ContrastiveModule, ContrastiveData, Trainer]:
    """Method, data and Trainer of a resolved config, checked to fit each other.

    Raises:
        ConfigError: they don't fit, or one of them can't be built.
    """
    check_trainer(config["trainer"])
    check_time_limit(config)
    check_least(config)
    quiet()
    quicken_cpu()
    method, data = assemble_method(config), record.assembled(config, folder)
    begin_weights(method, config, folder)
    trainer = assemble_trainer(config, folder)
    sizes.check_accelerator(trainer)
    sizes.check_data(data, trainer.world_size)
    step = data.batch_size * trainer.accumulate_grad_batches
    sizes.check_callbacks(method, trainer.callbacks, step)  # type: ignore[attr-defined]
    with remembering_broken(folder, data):
        rehearse(method, data, *sizes.steps(data, trainer))
    assemble_loggers(config, folder)
    return method, data, trainer


@contextmanager
def remembering_broken(folder: RunFolder, data: ContrastiveData) -> Iterator[None]:
    """If the run has begun, remembers broken files that an error in this block names; they may be removed."""
    try:
        yield
    except ConfigError as error:
        if folder.has_begun:
            keep_broken(folder, data, broken_files_in(error))
        raise
