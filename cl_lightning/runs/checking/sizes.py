"""Checks that the sizes of data, method and processes fit each other."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError, refused
from cl_lightning.callbacks.method_state import states_among
from cl_lightning.data import ContrastiveData, EpochOrder
from cl_lightning.devices import has_float64
from cl_lightning.encoders import PolicyBatchNorm, check_groups
from cl_lightning.methods.contrastive import ContrastiveModule

MOST_WORKERS = 1024  # more than any machine can use


def check_callbacks(method: ContrastiveModule, callbacks: Sequence[Any], images: int) -> None:
    """Check that a run has the callbacks that its method needs, and that they fit the images of a step.

    Raises:
        ConfigError: a callback is missing (says how to add it) or does not fit.
    """
    with refused("callbacks"):
        method.check_callbacks(callbacks)
        for state in states_among(callbacks):
            state.check(method, images)


def check_accelerator(trainer: Trainer) -> None:
    """Check that the device has the precision of the run.

    Raises:
        ConfigError: it has no float64, such as the GPU of a Mac.
    """
    device = trainer.strategy.root_device
    if trainer.precision == "64-true" and not has_float64(device):
        raise ConfigError(
            f"trainer.precision is 64, but the device ({device.type}) has no float64; accepted: "
            "trainer.precision=32, or trainer=cpu"
        )


def check_data(data: ContrastiveData, world: int) -> None:
    """Check that the processes can share the training batches, and the number of workers.

    Raises:
        ConfigError: with the numbers, and the key to change.
    """
    with refused("data"):
        EpochOrder(len(data.train), data.batch_size, data.seed, 0, world)
    if data.num_workers > MOST_WORKERS:
        raise ConfigError(f"data.num_workers is {data.num_workers}; accepted: 0 to {MOST_WORKERS}")


def check_batch(method: ContrastiveModule, batch: int, world: int) -> None:
    """Check that a batch has negatives, and that BatchNorm has more than one image for its statistics.

    Raises:
        ConfigError: with the key to change.
    """
    if batch < method.least_batch:
        raise ConfigError(
            f"data.batch_size is {batch}, but {type(method).__name__}'s negatives are the other images of "
            f"the batch; accepted: {method.least_batch} or more"
        )
    encoder = method.encoder
    if encoder.batch_norm in ("split", "shuffle"):
        with refused("encoder"):
            check_groups(batch, encoder.batch_norm_groups, world)
    images = batch // (world if encoder.batch_norm == "plain" else 1)
    if images == 1 and any(isinstance(layer, PolicyBatchNorm) for layer in encoder.modules()):
        raise ConfigError(
            f"data.batch_size is {batch}, so encoder.batch_norm={encoder.batch_norm} has 1 "
            f"image for its statistics; accepted: a data.batch_size of {2 * batch} or more"
        )


def steps(data: ContrastiveData, trainer: Trainer) -> tuple[int, int]:
    """The number of optimizer steps in the run and in an epoch.

    Raises:
        ConfigError: an epoch has no step or is shorter than `trainer.val_check_interval`; the run is shorter
            than `trainer.min_steps`.
    """
    data.trainer = trainer
    with refused("data"):
        batches = data.batches_per_epoch
    interval = trainer.val_check_interval
    if isinstance(interval, int) and interval > batches:
        raise ConfigError(
            f"trainer.val_check_interval is {interval}; accepted: at most {batches}, an epoch's batches"
        )
    per_epoch = batches // trainer.accumulate_grad_batches
    assert trainer.max_epochs is not None, "checked in check_trainer"
    total = per_epoch * trainer.max_epochs
    total = total if trainer.max_steps == -1 else min(total, trainer.max_steps)
    if (trainer.min_steps or 0) > total:
        raise ConfigError(
            f"trainer.min_steps is {trainer.min_steps}, but training ends after {total} steps; accepted: at "
            f"most {total}, or null, or a larger trainer.max_epochs"
        )
    return total, per_epoch
