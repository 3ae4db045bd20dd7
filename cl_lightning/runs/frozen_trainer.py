"""The Trainer of the commands that only read images: cl-embed and cl-eval."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.own_signals import OwnSignals
from cl_lightning.interruption.command import NUMBERS
from cl_lightning.runs.processes import Processes

MOST_DEVICES = 1024  # more than any machine has
PATIENCE = timedelta(days=7)  # one process may have much more to do than another


class Started(NamedTuple):
    """The processes that torchrun or srun has started: on this machine, and the number of machines."""

    by: str
    devices: int
    nodes: int


def frozen_trainer(
    command: str, accelerator: str = "auto", devices: int | None = None, callbacks: Sequence[Callback] = ()
) -> Trainer:
    """A Trainer for `predict` that writes and prints nothing.

    Args:
        command: its name, for messages.
        accelerator: Lightning's; auto takes a GPU if there is one.
        devices: processes on each machine. None: those that torchrun or srun has started, else one.
        callbacks: as for the Trainer.

    Raises:
        ConfigError: there are no such devices, or torchrun or srun has started another number of processes.
    """
    started = _started()
    if devices is not None and not 1 <= devices <= MOST_DEVICES:
        raise ConfigError(f"--devices is {devices}; accepted: 1 to {MOST_DEVICES}")
    if started is not None and devices not in (None, started.devices):
        raise ConfigError(
            f"--devices is {devices}, but {started.by} has started {started.devices} processes here; "
            f"accepted: {started.devices}, or no --devices"
        )
    if accelerator in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(f"--accelerator is {accelerator}, but torch sees no GPU; accepted: auto, cpu")
    number, nodes = (devices or 1, 1) if started is None else started[1:]
    settings: dict[str, Any] = {"devices": number, "num_nodes": nodes}
    if number * nodes > 1:
        settings["strategy"] = Processes(command, timeout=PATIENCE)
    try:
        return Trainer(
            accelerator=accelerator,
            callbacks=[*callbacks, OwnSignals()],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=[SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else [],
            **settings,
        )
    except Exception as error:  # Lightning's MisconfigurationException and ValueError
        raise ConfigError(
            f"--accelerator is {accelerator} and --devices is {number}, which Lightning refuses: {error}; "
            "accepted: devices that this machine has"
        ) from error


def is_first() -> bool:
    """Whether this is the first of all processes, before and after they have found each other."""
    return all(os.environ.get(name, "0") == "0" for name in NUMBERS)


def _started() -> Started | None:
    environment = os.environ
    if TorchElasticEnvironment.detect():
        local = int(environment["LOCAL_WORLD_SIZE"])
        return Started("torchrun", local, int(environment["WORLD_SIZE"]) // local)
    tasks = environment.get("SLURM_STEP_NUM_TASKS")
    if tasks and SLURMEnvironment.detect():
        nodes = int(environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1")))
        return Started("srun", int(tasks) // nodes, nodes)
    return None
