"""How well the embeddings do while they are trained."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from cl_lightning.metrics import Alignment, EffectiveRank, Uniformity
from cl_lightning.metrics.means import Means

SCORES = ("loss", "contrastive_top1", "positive_similarity", "negative_similarity")


class HealthMonitor(Callback):
    """Logs loss, scores and geometry of the embeddings: `train/*` and `val/*`, means of an epoch.

    `train/loss`, `train/contrastive_top1`, `train/positive_similarity`, `train/negative_similarity`, and for
    training and validation views `alignment`, `uniformity` (arXiv 2005.10242) and `effective_rank`. All are
    sums on the device; the host reads them at the end of an epoch, and the loss every
    `trainer.log_every_n_steps` steps as `step/loss`.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        dim = pl_module.encoder.out_features
        self._metrics = nn.ModuleDict(
            {
                "scores": Means(SCORES),
                "train_alignment": Alignment(),
                "train_uniformity": Uniformity(),
                "train_rank": EffectiveRank(dim),
                "val_alignment": Alignment(),
                "val_uniformity": Uniformity(),
                "val_rank": EffectiveRank(dim),
            }
        )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._metrics.to(pl_module.device)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._metrics.to(pl_module.device)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Mapping[str, Tensor],
        batch: Any,
        batch_idx: int,
    ) -> None:
        loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided it
        self._metrics["scores"].update(loss, *(outputs[name] for name in SCORES[1:]))
        self._update("train", outputs["z_a"], outputs["z_b"])
        if trainer.global_step % trainer.log_every_n_steps == 0:
            for logger in trainer.loggers:
                logger.log_metrics({"step/loss": loss.item()}, step=trainer.global_step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        scores = self._metrics["scores"].compute()
        pl_module.log_dict({f"train/{name}": value for name, value in scores.items()})
        pl_module.log("train/lr", trainer.optimizers[0].param_groups[0]["lr"])
        self._metrics["scores"].reset()
        self._log("train", pl_module)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Mapping[str, Tensor],
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if "z_a" in outputs:
            self._update("val", outputs["z_a"], outputs["z_b"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log("val", pl_module)

    def _update(self, stage: str, z_a: Tensor, z_b: Tensor) -> None:
        self._metrics[f"{stage}_alignment"].update(z_a, z_b)
        self._metrics[f"{stage}_uniformity"].update(z_a)
        self._metrics[f"{stage}_rank"].update(z_a)

    def _log(self, stage: str, pl_module: LightningModule) -> None:
        for name, key in (
            ("alignment", "alignment"),
            ("uniformity", "uniformity"),
            ("effective_rank", "rank"),
        ):
            metric = self._metrics[f"{stage}_{key}"]
            pl_module.log(f"{stage}/{name}", metric.compute())
            metric.reset()
