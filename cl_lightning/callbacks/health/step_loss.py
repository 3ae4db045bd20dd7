"""The loss of single steps."""

from lightning.pytorch import Trainer
from torch import Tensor


def log_step_loss(trainer: Trainer, loss: Tensor) -> None:
    """Log `step/loss`, the mean over all processes, every `trainer.log_every_n_steps` optimizer steps."""
    steps, every = trainer.global_step, trainer.log_every_n_steps  # type: ignore[attr-defined]
    if every <= 0 or steps % every:
        return
    # All processes take part, because only the first one may have loggers.
    loss = trainer.strategy.reduce(loss, reduce_op="mean")
    if trainer.loggers:
        value = loss.item()
        for logger in trainer.loggers:
            # Lightning counts the steps of its own rows from 0.
            logger.log_metrics({"step/loss": value}, step=steps - 1)
