"""kNN accuracy by epoch, without training anything."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from cl_lightning.metrics import KNNAccuracy

BANK_LOADER = 0


class KNNMonitor(Callback):
    """Logs `val/knn_top1`: weighted kNN of clean validation images among clean training images.

    Features are the backbone's with frozen statistics (Wu et al., arXiv 1805.01978). It needs labels of
    both; where a set has none, it says so once and logs nothing.

    Args:
        k: neighbours that vote.
        temperature: of the votes' weights, exp(similarity / temperature).
    """

    def __init__(self, k: int = 200, temperature: float = 0.1) -> None:
        if k < 1:
            raise ValueError(f"callbacks.knn.k is {k}; accepted: 1 or more neighbours")
        if temperature <= 0:
            raise ValueError(f"callbacks.knn.temperature is {temperature}; accepted: above 0")
        self.k = k
        self.temperature = temperature
        self._labelled = True
        self._told = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._knn = KNNAccuracy(self.k, self.temperature)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._knn.to(pl_module.device)
        self._knn.reset()

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Mapping[str, Tensor],
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self._labelled &= bool((batch.labels >= 0).all())
        if dataloader_idx == BANK_LOADER:
            self._knn.add_to_bank(outputs["features"], batch.labels)
        else:
            self._knn.update(outputs["features"], batch.labels)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        if self._labelled:
            pl_module.log("val/knn_top1", self._knn.compute())
        elif not self._told:
            self._told = True
            warnings.warn("kNN accuracy is left out: not every image has a label", stacklevel=2)

    @property
    def has_neighbours(self) -> bool:
        """Whether an evaluation has been made."""
        return self._labelled and bool(self._knn.query_features)

    def neighbours(self, queries: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Of the last evaluation, for validation images `queries` [n] the `count` nearest training images.

        Gives their rows in the bank and whether their class is the query's, [n, count] each, nearest first.
        On several processes: those of this process's part.
        """
        knn = self._knn
        bank, labels = torch.cat(knn.bank_features), torch.cat(knn.bank_labels)
        asked, truth = torch.cat(knn.query_features), torch.cat(knn.query_labels)
        queries = queries.to(asked.device).clamp(max=len(asked) - 1)
        rows = (asked[queries] @ bank.T).topk(min(count, len(bank))).indices
        return rows.cpu(), (labels[rows] == truth[queries, None]).cpu()
