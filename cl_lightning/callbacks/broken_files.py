"""How many files other images stand in for."""

from typing import Any

import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer


class BrokenFiles(Callback):
    """Logs `train/broken_files`, the broken files that a run has met so far, where `data.max_broken` is set.

    At the end of each epoch all processes learn of each other's, so that the number and
    `ContrastiveData.broken_files` are those of the whole run, and the limit holds for it.
    Raises ValueError, on all processes alike, for more than `data.max_broken` of them.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not getattr(data, "max_broken", 0):
            return
        if trainer.world_size > 1:
            data.broken.merge(_of_all_processes(data.broken_files))
        pl_module.log("train/broken_files", float(len(data.broken_files)), sync_dist=trainer.world_size > 1)


def _of_all_processes(paths: list[str]) -> list[str]:
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, paths)
    return [path for part in gathered for path in part]
