"""Settings of the Trainer that are impossible, or that another config key replaces."""

import os
import re
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch.plugins.environments import SLURMEnvironment

from cl_lightning.blueprints import ConfigError, shown

# Arguments of the Trainer that another key replaces: the accepted value, and that key.
INSTEAD = {
    "sync_batchnorm": "false; use encoder.batch_norm=sync",
    "callbacks": "null; use the group callbacks, such as callbacks.knn.k=20",
    "default_root_dir": "null; use run.root",
    "use_distributed_sampler": "false; the data module itself divides each batch between processes",
    "overfit_batches": "0; use a smaller set, such as data.train.limit=1000 of cifar10",
    "barebones": "false; use trainer.logger=false trainer.enable_checkpointing=false",
    "plugins": "null; cl-train adds plugins for checkpoints and SLURM, and trainer.precision adds its own",
    "reload_dataloaders_every_n_epochs": "0; the loaders draw each epoch's batches anew",
    "model_registry": "null; it only receives files of Lightning's ModelCheckpoint",
}
# Stages that cl-train never runs.
UNUSED = {"limit_test_batches": "tests", "limit_predict_batches": "predicts"}
AT_LEAST_ONE = (
    *("max_epochs", "accumulate_grad_batches", "check_val_every_n_epoch", "log_every_n_steps"),
    "num_nodes",
)

# The precisions in METHODS.md. Lightning has more, such as 16-true, which has no gradient scaler.
PRECISIONS = ("32", "32-true", "64", "64-true", "16-mixed", "bf16-mixed", "bf16-true")

PROFILERS = ("simple", "advanced", "pytorch")  # Lightning's fourth is for TPUs
TASKS = "SLURM_STEP_NUM_TASKS"
MOST_DEVICES = 1024  # more than any machine has


def check_trainer(trainer: dict[str, Any], here: bool = True) -> None:
    """Refuse settings of the Trainer that are impossible, or that another config key replaces.

    Args:
        trainer: the group `trainer` of the config.
        here: whether this machine trains; another machine may have GPUs even if this one has none.

    Raises:
        ConfigError: says which setting.
    """
    for name, instead in INSTEAD.items():
        if trainer.get(name):
            raise ConfigError(f"trainer.{name} is {shown(trainer[name])}; accepted: {instead}")
    for name, does in UNUSED.items():
        if trainer.get(name) is not None:
            raise ConfigError(
                f"trainer.{name} is {shown(trainer[name])}; accepted: null, because cl-train never {does}"
            )
    if here and trainer.get("accelerator") in ("gpu", "cuda") and not torch.cuda.is_available():
        raise ConfigError(
            f"trainer.accelerator is {trainer['accelerator']}, but torch sees no GPU; accepted: trainer=cpu "
            "or trainer=auto"
        )
    for name in AT_LEAST_ONE:
        value = trainer.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"trainer.{name} is {shown(value)}; accepted: a whole number from 1")
    dry = trainer.get("fast_dev_run")
    if not isinstance(dry, int) or dry < 0:
        raise ConfigError(
            f"trainer.fast_dev_run is {shown(dry)}; accepted: true for one step, a number of steps, false"
        )
    precision = trainer.get("precision")
    if precision is not None and str(precision) not in PRECISIONS:
        raise ConfigError(
            f"trainer.precision is {shown(precision)}; accepted: 32, bf16-mixed, 16-mixed, bf16-true, 64"
        )
    if trainer.get("profiler") not in (None, *PROFILERS):
        raise ConfigError(
            f"trainer.profiler is {shown(trainer['profiler'])}; accepted: {', '.join(PROFILERS)}, or null"
        )
    strategy, accumulated = trainer.get("strategy"), trainer["accumulate_grad_batches"]
    if isinstance(strategy, Mapping) and strategy.get("static_graph") and accumulated > 1:
        raise ConfigError(
            "trainer.strategy.static_graph is true, which torch can't do while "
            f"trainer.accumulate_grad_batches is {accumulated}; accepted: false, or trainer.strategy=auto"
        )
    epochs, every = trainer["max_epochs"], trainer["check_val_every_n_epoch"]
    if epochs % every:
        last = "there is none" if epochs < every else f"the last one is in epoch {epochs - epochs % every}"
        warnings.warn(
            f"trainer.check_val_every_n_epoch is {every}, not a divisor of trainer.max_epochs, {epochs}; the "
            f"summary takes its kNN accuracy from the last evaluation: {last}",
            stacklevel=2,
        )
    steps = trainer.get("max_steps")
    if not isinstance(steps, int) or steps == 0 or steps < -1:
        raise ConfigError(
            f"trainer.max_steps is {shown(steps)}; accepted: a whole number from 1, or -1 for all"
        )
    interval = trainer.get("val_check_interval")
    if not (interval is None or isinstance(interval, (int, float))):
        raise ConfigError(
            f"trainer.val_check_interval is {shown(interval)}; accepted: a number of batches, a share of an "
            "epoch such as 0.5, or null"
        )
    for name in ("epochs", "steps"):
        least, most = trainer.get(f"min_{name}"), trainer[f"max_{name}"]
        if isinstance(least, int) and 0 <= most < least:
            raise ConfigError(
                f"trainer.min_{name} is {least}; accepted: at most {most} (trainer.max_{name}), or null"
            )
    clip, limit = trainer.get("gradient_clip_val"), trainer.get("limit_val_batches")
    if trainer.get("gradient_clip_algorithm") is not None and clip is None:
        raise ConfigError(
            f"trainer.gradient_clip_algorithm is {shown(trainer['gradient_clip_algorithm'])}, but nothing is "
            "clipped; accepted: null, or a trainer.gradient_clip_val as well"
        )
    if isinstance(clip, (int, float)) and clip <= 0:
        raise ConfigError(f"trainer.gradient_clip_val is {clip}; accepted: above 0, or null for none")
    if limit not in (None, 0, 1.0) or (limit == 1 and isinstance(limit, int)):
        raise ConfigError(
            f"trainer.limit_val_batches is {shown(limit)}; accepted: null for all, or 0 for no evaluation, "
            "because kNN compares with the whole training set"
        )
    if trainer.get("limit_train_batches") == 0:
        raise ConfigError("trainer.limit_train_batches is 0; accepted: null for all, 1 or more, or a share")
    _check_devices(trainer)
    if here:
        _check_tasks(trainer)
    if not isinstance(trainer.get("logger"), bool):
        raise ConfigError(
            f"trainer.logger is {shown(trainer.get('logger'))}; accepted: true, false (the group logger)"
        )


def _check_devices(trainer: dict[str, Any]) -> None:
    """Refuse values that Lightning would refuse without naming the key; on the CPU also lists and -1."""
    devices = trainer.get("devices")
    if _on_cpu(trainer) and not re.fullmatch("auto|[1-9][0-9]*", str(devices)):
        raise ConfigError(
            f"trainer.devices is {shown(devices)}; accepted on the CPU: a whole number from 1, or auto for 1"
        )
    too_many = isinstance(devices, int) and devices > MOST_DEVICES
    if too_many or devices in (0, "0", []):
        raise ConfigError(
            f"trainer.devices is {shown(devices)}; accepted: 1 to {MOST_DEVICES}, -1 or auto for all, or a "
            "list such as [0, 2]"
        )


def _on_cpu(trainer: dict[str, Any]) -> bool:
    accelerator = trainer.get("accelerator")
    return accelerator == "cpu" or (accelerator == "auto" and not torch.accelerator.is_available())


def _check_tasks(trainer: dict[str, Any]) -> None:
    """Check that srun has started one task for each process."""
    tasks, devices, nodes = os.environ.get(TASKS), trainer.get("devices"), trainer["num_nodes"]
    if _on_cpu(trainer):
        devices = 1 if devices == "auto" else int(str(devices))
    if tasks and SLURMEnvironment.detect() and isinstance(devices, int) and devices * nodes != int(tasks):
        raise ConfigError(
            f"srun has started {tasks} tasks, but trainer.devices={devices} and trainer.num_nodes={nodes} "
            f"are {devices * nodes} processes; accepted: as many tasks as processes (--ntasks-per-node)"
        )
