"""What is about to be trained, in numbers."""

import math
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from cl_lightning.callbacks.momentum_encoder import MomentumEncoder
from cl_lightning.callbacks.negative_queue import NegativeQueue


class StartReport(Callback):
    """Prints the images, effective batch, learning rate, steps, left-out images, negatives and parameters."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:  # the others need not look at files
            lines = start_report(trainer, pl_module)
            width = max(len(name) for name in lines)
            below = "\n" + " " * (width + 4)
            print("\n".join(f"  {n:<{width}}  {text.replace(chr(10), below)}" for n, text in lines.items()))


def start_report(trainer: Trainer, pl_module: Any) -> dict[str, str]:
    """Name and value of each line of the report."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    steps, per_epoch = int(trainer.estimated_stepping_batches), data.batches_per_epoch
    trained = sum(p.numel() for p in pl_module.parameters() if p.requires_grad)
    images = data.described() if hasattr(data, "described") else {}
    lines = {
        **{name: "\n".join(told) for name, told in images.items()},
        "effective batch": effective_batch(
            data.batch_size, trainer.world_size, trainer.accumulate_grad_batches
        ),
        "learning rate": learning_rate(trainer, pl_module),
        "steps": f"{steps:,}, {per_epoch // trainer.accumulate_grad_batches:,} an epoch",
        "left out of an epoch": f"{data.dropped_images:,} of {len(data.train):,} images",
        "negatives of a query": f"{2 * data.batch_size - 2:,}, both views of the other images in the batch",
        "parameters": f"{trained:,} trained",
    }
    fitted = pl_module.fitted_schedule()
    if fitted.warmup_epochs < pl_module.schedule.warmup_epochs and not trainer.fast_dev_run:  # type: ignore[attr-defined]
        lines["warm-up"] = warm_up(pl_module.schedule, fitted, pl_module.steps_per_epoch)
    if pl_module.kept_in_evaluation:
        lines["in evaluation mode"] = pl_module.kept_in_evaluation
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if isinstance(callback, NegativeQueue):
            lines["negatives of a query"] = negatives(callback.length, pl_module.keys_per_step, steps)
        elif isinstance(callback, MomentumEncoder):
            later = "" if callback.schedule == "constant" else " at first, longer later"
            lines["EMA half-life"] = f"{half_life(callback.momentum):,.1f} steps{later}"
    return lines


def effective_batch(batch_size: int, devices: int, accumulated: int) -> str:
    """Images of one optimizer step, and what they are the product of."""
    factors = [f"{devices} devices"] if devices > 1 else []
    factors += [f"{batch_size // devices:,}"]
    factors += [f"{accumulated} accumulated"] if accumulated > 1 else []
    product = f" = {' x '.join(factors)}" if len(factors) > 1 else ""
    return f"{batch_size * accumulated:,} images{product}"


def learning_rate(trainer: Trainer, pl_module: Any) -> str:
    """The peak, and how it follows the effective batch."""
    peak, rule = trainer.optimizers[0].param_groups[0]["initial_lr"], pl_module.schedule.lr_scaling
    batch = pl_module.effective_batch_size
    given = peak / pl_module.schedule.scale(batch)
    rules = {
        "none": "",
        "linear": f" = {given:g} x {batch:,} / 256",
        "sqrt": f" = {given:g} x sqrt({batch:,} / 256)",
    }
    return f"{peak:g}{rules[rule]} at its peak"


def warm_up(given: Any, fitted: Any, steps_per_epoch: float) -> str:
    """Of a run that is too short for the warm-up of its method."""
    steps = round(fitted.warmup_epochs * steps_per_epoch)
    return f"{steps:,} steps, a tenth of the run, which is too short for {given.warmup_epochs:g} epochs of it"


def negatives(length: int, keys_per_step: int, steps: int) -> str:
    """What a queue holds; in a run that is too short to fill it, also what it began with."""
    made = keys_per_step * steps
    if made < length:
        return f"{length:,}; the run makes {made:,} keys, the others stay the unit vectors of the start"
    return f"{length:,}, the keys of the last {length / keys_per_step:,.4g} steps"


def half_life(momentum: float) -> float:
    """Steps after which half of the key encoder is new: ln(1/2) / ln(momentum)."""
    if momentum in (0.0, 1.0):
        return math.inf if momentum else 0.0
    return math.log(0.5) / math.log(momentum)
