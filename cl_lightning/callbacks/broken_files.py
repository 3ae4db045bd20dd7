"""Counts the broken files that other images replace."""

from lightning.pytorch import Callback, LightningModule, Trainer

from cl_lightning.distributed.saved_by_rank import gather_objects


class BrokenFiles(Callback):
    """Logs `train/broken_files`, the number of broken files so far, if `data.max_broken` is set.

    At the end of each epoch the processes exchange their lists, so that the number, the limit and
    `ContrastiveData.broken_files` refer to the whole run.
    Raises ValueError on all processes for more than `data.max_broken` files.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not data.sets.may_lack_files:
            return
        data.broken.merge(path for paths in gather_objects(data.broken_files) for path in paths)
        pl_module.log("train/broken_files", float(len(data.broken_files)), sync_dist=trainer.world_size > 1)
