"""What is about to be trained, in numbers."""

import math

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from cl_lightning.callbacks.momentum_encoder import MomentumEncoder
from cl_lightning.callbacks.negative_queue import NegativeQueue


class StartReport(Callback):
    """Prints the effective batch, learning rate, steps, left-out images, negatives and parameters."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for name, value in start_report(trainer, pl_module).items():
            _print(f"  {name:<22} {value}")


_print = rank_zero_only(print)


def start_report(trainer: Trainer, pl_module: LightningModule) -> dict[str, str]:
    """Name and value of each line of the report."""
    data, batch = trainer.datamodule, pl_module.effective_batch_size  # type: ignore[attr-defined]
    accumulated, devices = trainer.accumulate_grad_batches, trainer.world_size
    peak = trainer.optimizers[0].param_groups[0]["initial_lr"]
    steps = int(trainer.estimated_stepping_batches)
    left_out = len(data.train) - batch * (trainer.num_training_batches // accumulated)
    lines = {
        "effective batch": f"{batch:,} images ({devices} device(s) x {data.batch_size // devices:,} "
        f"x {accumulated} accumulated)",
        "learning rate": f"{peak:g} at its peak ({pl_module.schedule.lr_scaling} scaling)",
        "steps": f"{steps:,} in {trainer.max_epochs} epochs",
        "left out of an epoch": f"{left_out:,} of {len(data.train):,} images",
        "parameters": f"{sum(p.numel() for p in pl_module.parameters() if p.requires_grad):,}",
    }
    return lines | _negatives(trainer, pl_module)


def _negatives(trainer: Trainer, pl_module: LightningModule) -> dict[str, str]:
    lines = {"negatives of a query": f"{2 * pl_module.trainer.datamodule.batch_size - 2:,} (batch)"}  # type: ignore[attr-defined]
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, NegativeQueue):
            lines["negatives of a query"] = f"{callback.length:,} (queue)"
        elif isinstance(callback, MomentumEncoder):
            lines["EMA half-life"] = f"{half_life(callback.momentum):,.1f} steps"
    return lines


def half_life(momentum: float) -> float:
    """Steps after which half of the key encoder is new: ln(1/2) / ln(momentum)."""
    if momentum in (0.0, 1.0):
        return math.inf if momentum else 0.0
    return math.log(0.5) / math.log(momentum)
