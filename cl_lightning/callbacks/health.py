"""How well the embeddings do while they are trained."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torchmetrics import Metric

from cl_lightning.metrics import Alignment, EffectiveRank, Uniformity
from cl_lightning.metrics.means import Means

SCORES = ("loss", "contrastive_top1", "positive_similarity", "negative_similarity")


class HealthMonitor(Callback):
    """Logs loss, scores and geometry of the embeddings: `train/*` and `val/*`, means of an epoch.

    `train/loss`, `train/contrastive_top1`, `train/positive_similarity`, `train/negative_similarity`, and for
    training and validation views `alignment`, `uniformity` (arXiv 2005.10242) and `effective_rank`. All are
    sums on the device, which the host reads at the end of an epoch. Every `trainer.log_every_n_steps`
    optimizer steps it reads the loss too, as `step/loss`: of the step's last micro-batch, on this process.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        dim: int = pl_module.encoder.out_features  # type: ignore[union-attr, assignment]
        self._scores = Means(SCORES)
        self._geometry: dict[str, dict[str, Metric]] = {
            stage: {
                "alignment": Alignment(),
                "uniformity": Uniformity(),
                "effective_rank": EffectiveRank(dim),
            }
            for stage in ("train", "val")
        }

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._scores.to(pl_module.device)
        self._move(pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._move(pl_module)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        self._lr = optimizer.param_groups[0]["lr"]  # the scheduler moves on before the epoch ends

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided it
        self._scores.update(loss, *(outputs[name] for name in SCORES[1:]))
        self._update("train", outputs["z_a"], outputs["z_b"])
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._log_step(trainer, loss)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        values = self._scores.compute() | {"lr": self._lr}
        self._scores.reset()
        self._log("train", pl_module, values)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if "z_a" in outputs:
            self._update("val", outputs["z_a"], outputs["z_b"])

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log("val", pl_module, {})

    def _move(self, pl_module: LightningModule) -> None:
        for metrics in self._geometry.values():
            for metric in metrics.values():
                metric.to(pl_module.device)

    def _update(self, stage: str, z_a: Tensor, z_b: Tensor) -> None:
        metrics = self._geometry[stage]
        metrics["alignment"].update(z_a, z_b)
        metrics["uniformity"].update(z_a)
        metrics["effective_rank"].update(z_a)

    def _log(self, stage: str, pl_module: LightningModule, values: dict[str, Any]) -> None:
        for name, metric in self._geometry[stage].items():
            values[name] = metric.compute()
            metric.reset()
        # The metrics are over all processes already; Lightning warns unless it is told to reduce them.
        several = pl_module.trainer.world_size > 1
        pl_module.log_dict({f"{stage}/{name}": value for name, value in values.items()}, sync_dist=several)

    @staticmethod
    def _log_step(trainer: Trainer, loss: Tensor) -> None:
        steps, every = trainer.global_step, trainer.log_every_n_steps  # type: ignore[attr-defined]
        if trainer.loggers and every > 0 and steps % every == 0:
            value = loss.item()
            for logger in trainer.loggers:
                # Lightning counts the steps of its own rows from 0.
                logger.log_metrics({"step/loss": value}, step=steps - 1)
