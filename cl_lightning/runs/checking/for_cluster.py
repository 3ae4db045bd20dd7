"""The checks of a run that need not be done on the machine that trains it."""

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import StrategyRegistry

from cl_lightning.blueprints import ConfigError, build, refused, shown
from cl_lightning.data import EpochOrder
from cl_lightning.runs.assemble import NOT_FROM_CONFIG, assemble_callbacks, assemble_method
from cl_lightning.runs.checking import sizes
from cl_lightning.runs.checking.early_end import check_least, check_time_limit
from cl_lightning.runs.checking.rehearsal import rehearse_loss, rehearse_optimizer
from cl_lightning.runs.checking.trainer_settings import check_trainer


def processes(trainer: dict[str, Any]) -> tuple[int, int]:
    """The number of nodes of a run, and of processes on each node.

    Raises:
        ConfigError: `trainer.devices` is not a number, so only the training machine knows it.
    """
    devices = trainer.get("devices")
    if not isinstance(devices, int) or isinstance(devices, bool) or devices < 1:
        raise ConfigError(
            f"trainer.devices is {shown(devices)}; accepted for a job of a cluster: a whole number from 1, "
            "the GPUs of each node"
        )
    return trainer["num_nodes"], devices


def _check_as_on_a_cpu(trainer: dict[str, Any]) -> None:
    """Check that Lightning accepts the Trainer's arguments."""
    named = {"accelerator": AcceleratorRegistry, "strategy": StrategyRegistry}
    for name, registry in named.items():
        value, known = trainer.get(name), [*registry, "auto", "gpu"]
        if isinstance(value, str) and value not in known:
            raise ConfigError(f"trainer.{name} is {value!r}; accepted: {', '.join(map(str, known))}")
    node = {name: value for name, value in trainer.items() if name not in (*NOT_FROM_CONFIG, *named)}
    build(node | {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "logger": False}, "trainer")


def check_for_cluster(config: dict[str, Any]) -> None:
    """Check a resolved config, except for GPUs, data and memory, which differ on other machines.

    Raises:
        ConfigError: says which key.
    """
    check_trainer(config["trainer"], here=False)
    check_time_limit(config)
    check_least(config)
    nodes, devices = processes(config["trainer"])
    _check_as_on_a_cpu(config["trainer"])
    with torch.device("meta"):  # no memory, no random weights
        method = assemble_method(config)
    batch, world = config["data"]["batch_size"], nodes * devices
    with refused("data"):
        EpochOrder(2 * batch * world, batch, config["seed"], 0, world)
    sizes.check_batch(method, batch, world)
    rehearse_loss(method)
    rehearse_optimizer(method)
    step = batch * config["trainer"]["accumulate_grad_batches"]
    sizes.check_callbacks(method, assemble_callbacks(config, Path()), step)
