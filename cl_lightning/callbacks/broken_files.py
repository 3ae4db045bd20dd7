"""How many files other images stand in for."""

from lightning.pytorch import Callback, LightningModule, Trainer

from cl_lightning.distributed.saved_by_rank import gather_objects


class BrokenFiles(Callback):
    """Logs `train/broken_files`, the broken files that a run has met so far, where `data.max_broken` is set.

    At the end of each epoch all processes learn of each other's, so that the number and
    `ContrastiveData.broken_files` are those of the whole run, and the limit holds for it.
    Raises ValueError, on all processes alike, for more than `data.max_broken` of them.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not data.sets.may_lack_files:
            return
        data.broken.merge(path for paths in gather_objects(data.broken_files) for path in paths)
        pl_module.log("train/broken_files", float(len(data.broken_files)), sync_dist=trainer.world_size > 1)
