"""The processes of an evaluation end together."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist
from lightning.pytorch import Trainer


@contextmanager
def together(trainer: Trainer | None) -> Iterator[None]:
    """For a block in which a Trainer starts other processes: they don't outlast it.

    If the block fails, they are ended, because they would wait for this process for ever.
    """
    try:
        yield
    except BaseException:
        if trainer is not None and trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(signal.SIGKILL)
        raise
    finally:
        if trainer is not None and dist.is_initialized():
            dist.destroy_process_group()
