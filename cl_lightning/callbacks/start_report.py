"""The start report: what will be trained, in numbers."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from cl_lightning.callbacks.method_state import states_of


class StartReport(Callback):
    """Prints the images, effective batch, learning rate, steps, left-out images, negatives and parameters."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:  # other processes need not read files
            lines = start_report(trainer, pl_module)
            width = max(len(name) for name in lines)
            below = "\n" + " " * (width + 4)
            print("\n".join(f"  {n:<{width}}  {text.replace(chr(10), below)}" for n, text in lines.items()))


def start_report(trainer: Trainer, pl_module: Any) -> dict[str, str]:
    """The lines of the report: names and values."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    steps, per_epoch = int(trainer.estimated_stepping_batches), data.batches_per_epoch
    images = data.described() if hasattr(data, "described") else {}
    lines = {
        **{name: "\n".join(told) for name, told in images.items()},
        "effective batch": effective_batch(
            data.batch_size, trainer.world_size, trainer.accumulate_grad_batches
        ),
        **pl_module.schedule_told_at_start(),
        "steps": f"{steps:,}, {per_epoch // trainer.accumulate_grad_batches:,} an epoch",
        "left out of an epoch": f"{data.dropped_images:,} of {len(data.train):,} images",
        **pl_module.told_at_start(),
    }
    for state in states_of(trainer):
        lines |= state.told_at_start(trainer, pl_module)
    return lines


def effective_batch(batch_size: int, devices: int, accumulated: int) -> str:
    """The number of images in one optimizer step, and its factors."""
    factors = [f"{devices} devices"] if devices > 1 else []
    factors += [f"{batch_size // devices:,}"]
    factors += [f"{accumulated} accumulated"] if accumulated > 1 else []
    product = f" = {' x '.join(factors)}" if len(factors) > 1 else ""
    return f"{batch_size * accumulated:,} images{product}"
