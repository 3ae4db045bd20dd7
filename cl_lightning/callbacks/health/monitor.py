"""Logs the quality of the embeddings during training, and warns when something goes wrong."""

from math import nan
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.callbacks.health.collector import EpochCollector, batches_holding
from cl_lightning.callbacks.health.diagnosis import Diagnosis
from cl_lightning.callbacks.health.geometry import Geometry
from cl_lightning.callbacks.health.metric_state import restore, saved
from cl_lightning.callbacks.health.step_loss import log_step_loss
from cl_lightning.callbacks.health.waiting import EMBEDDINGS, SCORES, WaitingSteps
from cl_lightning.callbacks.method_state import states_of
from cl_lightning.callbacks.weight_changes import skipped_by_a_callback
from cl_lightning.distributed.saved_by_rank import own_mean
from cl_lightning.metrics.means import Means

# The training's uniformity uses the last embeddings of an epoch, so many over all processes.
UNIFORMITY_ROWS = 1024
MEANS = ("loss", *SCORES)


class HealthMonitor(Callback):
    """Logs loss, scores and geometry of the embeddings by epoch, and warns when something goes wrong.

    Logged are `train/loss`, `train/contrastive_top1`, `train/positive_similarity` and
    `train/negative_similarity`; and for training and validation views `alignment`, `uniformity`
    (arXiv 2005.10242), `embedding_std`, `effective_rank`, `largest_share` and `directions_90` (see
    `Moments`). Values are accumulated on the device, those of several steps together, and the host reads them
    at the end of an epoch. The scores of a step that returns none are those of its embeddings: both views of
    all images in the batch are anchors and negatives.
    `train/uniformity` uses the last batches of the epoch with 1,024 embeddings. Every
    `trainer.log_every_n_steps` optimizer steps, `step/loss` is the loss of the last micro-batch. All values
    are over all processes, and equal those of one process. Steps that a callback skipped are left out. If a
    user's own `training_step` returns only a loss, there are no scores and no geometry.

    At the end of a training epoch it warns once about a collapse, a low rank, a queue that no longer
    resembles the keys, or a loss that cannot fall, with the config keys to try; see `conditions`.

    `messages` holds all warnings, as {"epoch": from 0, "message": text}. `spectra` holds the spectrum of the
    embeddings in the first and last epoch, as {"train" or "val": {epoch: shares, largest first}}.

    The values of an unfinished epoch are in the checkpoint. So a run that is resumed within an epoch logs the
    same as one without interruption: to the bit on as many processes, up to rounding on others.
    """

    def __init__(self) -> None:
        self._restored: dict[str, Any] | None = None
        self._forget()

    def _forget(self) -> None:
        self.spectra: dict[str, dict[int, list[float]]] = {"train": {}, "val": {}}
        self._diagnosis = Diagnosis()

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self._diagnosis.messages

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._scores = Means(MEANS)
        self._geometry = {"val": Geometry(_dim(pl_module))}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._scores.to(pl_module.device)
        self._waiting = WaitingSteps()
        self._geometry["train"] = Geometry(_dim(pl_module), batches_holding(UNIFORMITY_ROWS, trainer))
        self._move(pl_module)
        self._forget()
        if self._restored is not None:
            self.spectra = self._restored["spectra"]
            self._diagnosis.messages, self._diagnosis.told = self._restored["told"]
            self._waiting.load_state_dict(self._restored.get("waiting", {}), pl_module.device)
            restore(self._scores, self._restored["scores"], own_mean)
            self._geometry["train"].load_state_dict(self._restored["geometry"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._collector = EpochCollector(trainer, pl_module)
        self._step: list[dict[str, Any]] = []  # outputs of its micro-batches
        if self._restored is not None:
            self._collector.load_state_dict(self._restored["gathered"])
            self._restored = None

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._move(pl_module)
        self._has_val = False

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        self._lr = optimizer.param_groups[0]["lr"]  # the scheduler changes it before the epoch ends

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if outputs:  # None if training_step skipped the batch
            loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided it
            self._step.append({**outputs, "loss": loss})
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            if self._step and not skipped_by_a_callback(trainer):
                for step in self._step:
                    self._add(self._waiting.take(step))
                log_step_loss(trainer, self._step[-1]["loss"])
            self._step = []

    def _add(self, steps: dict[str, Tensor]) -> None:
        if not steps:
            return
        unknown = torch.full_like(steps["loss"], nan)
        self._scores.update(*(steps.get(name, unknown) for name in MEANS))
        if steps.keys() >= set(EMBEDDINGS):
            self._geometry["train"].update(steps["z_a"], steps["z_b"])
            self._collector.add(steps["z_a"])

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._add(self._waiting.together())
        if not self._scores.updates:  # every step was skipped
            return
        embedded = bool(self._collector.first)
        scores = self._scores.compute()
        values = (scores if embedded else {"loss": scores["loss"]}) | {"lr": self._lr}
        self._scores.reset()
        self._log("train", pl_module, values, embedded)
        statistics = self._collector.statistics(trainer, pl_module, values["loss"].item())
        self._collector.start_epoch()
        for text in self._diagnosis.of(trainer.current_epoch, statistics, states_of(trainer)):
            rank_zero_warn(f"epoch {trainer.current_epoch + 1}: {text}")

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if outputs and "z_a" in outputs:
            self._geometry["val"].update(outputs["z_a"][None], outputs["z_b"][None])
            self._has_val = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log("val", pl_module, {}, self._has_val)

    def _move(self, pl_module: LightningModule) -> None:
        for geometry in self._geometry.values():
            geometry.to(pl_module.device)

    def _log(self, stage: str, pl_module: LightningModule, values: dict[str, Any], embedded: bool) -> None:
        if embedded:
            shape, spectrum = self._geometry[stage].end()
            values |= shape
            self._keep_spectrum(stage, pl_module.current_epoch, spectrum)
        # The metrics are already over all processes; Lightning warns unless it may reduce them.
        several = pl_module.trainer.world_size > 1
        pl_module.log_dict({f"{stage}/{name}": value for name, value in values.items()}, sync_dist=several)

    def _keep_spectrum(self, stage: str, epoch: int, shares: list[float]) -> None:
        kept = self.spectra[stage]
        first = min(kept, default=epoch)
        self.spectra[stage] = {e: s for e, s in kept.items() if e == first} | {epoch: shares}

    def state_dict(self) -> dict[str, Any]:
        if self._restored is not None:  # nothing has been trained since
            return self._restored
        if not hasattr(self, "_collector"):  # before any fit
            return {}
        return {
            "spectra": self.spectra,
            "told": [self._diagnosis.messages, self._diagnosis.told],
            "waiting": self._waiting.state_dict(),
            "scores": saved(self._scores),
            "geometry": self._geometry["train"].state_dict(),
            "gathered": self._collector.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # A checkpoint of an earlier version lacks the values of the epoch: the monitor starts again.
        self._restored = state_dict if "gathered" in state_dict else None


def _dim(pl_module: LightningModule) -> int:
    """The dimension of the embeddings."""
    return pl_module.encoder.out_features  # type: ignore[union-attr, return-value]
