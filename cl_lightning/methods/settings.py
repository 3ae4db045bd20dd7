"""The settings of a run, besides its method's arguments, on which results depend; for its checkpoint."""

from typing import Any

from torch.optim import Optimizer

from cl_lightning.blueprints import arguments, describe
from cl_lightning.callbacks.method_state import key_of
from cl_lightning.data import ContrastiveData
from cl_lightning.optim import IMPLEMENTATION


def settings(method: Any, trainer: Any, data: Any) -> dict[str, Any]:
    """Settings of data, Trainer and needed callbacks, as plain containers with the names of config keys.

    Devices and workers are left out. Only if each process has its own BatchNorm statistics, the number of
    processes is included. Before a fit there are no optimizers and no scheduler yet.
    """
    clipping = trainer.gradient_clip_algorithm
    needed = [c for c in trainer.callbacks if isinstance(c, tuple(method.needed_callbacks))]
    found: dict[str, Any] = {
        "trainer": {
            "accumulate_grad_batches": trainer.accumulate_grad_batches,
            "gradient_clip_algorithm": "norm" if clipping is None else str(clipping.value),
            "gradient_clip_val": trainer.gradient_clip_val,
            "limit_train_batches": trainer.limit_train_batches,
            "precision": trainer.precision,
        },
        "length": {"max_epochs": trainer.max_epochs, "max_steps": trainer.max_steps},
        "device": trainer.strategy.root_device.type,
        "callbacks": {key_of(type(callback)): arguments(callback) for callback in needed},
        "optimizers": [described(optimizer) for optimizer in trainer.optimizers],
        "scheduler": method.scheduler_made,
    }
    if isinstance(data, ContrastiveData):
        found["data"] = {"batch_size": data.batch_size, "seed": data.seed, "positives": data.positives}
    if method.encoder.batch_norm == "plain":
        found["trainer"]["devices"] = trainer.world_size
    return found


def described(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer's class and its original options; the options in its groups change during training."""
    made_with = {name: describe(v) for name, v in optimizer.defaults.items() if name not in IMPLEMENTATION}
    return {"_target_": type(optimizer).__name__, **made_with}
