"""kNN accuracy by epoch, without training a classifier."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from cl_lightning.metrics import KNNAccuracy

BANK_LOADER = 1  # the loader after that of the queries; missing if there are no labels
UNLABELLED = "not every image has a label"
NO_LABEL = -1  # in the labels of a batch


class KNNMonitor(Callback):
    """Logs `val/knn_top1`: weighted kNN of clean validation images among clean training images.

    Features are those of the backbone with frozen statistics (Wu et al., arXiv 1805.01978). Both sets need
    labels; if one has none, it warns once in a fit and logs nothing.

    Args:
        k: the number of neighbours that vote.
        temperature: the temperature of the votes' weights, exp(similarity / temperature).
    """

    def __init__(self, k: int = 200, temperature: float = 0.1) -> None:
        if k < 1:
            raise ValueError(f"callbacks.knn.k is {k}; accepted: 1 or more neighbours")
        if temperature <= 0:
            raise ValueError(f"callbacks.knn.temperature is {temperature}; accepted: above 0")
        self.k = k
        self.temperature = temperature
        self._told = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._knn = KNNAccuracy(self.k, self.temperature)
        self._forget()

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._told = False
        data = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.limit_val_batches and not getattr(data, "has_labels", True):
            self._leave_out("there are no validation images (data.val)" if data.val is None else UNLABELLED)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._knn.to(pl_module.device)
        self._forget()
        self._has_bank = len(trainer.val_dataloaders) > BANK_LOADER  # type: ignore[arg-type]

    def _forget(self) -> None:
        self._knn.reset()
        self._index: tuple[list[Tensor], list[Tensor]] = ([], [])  # of the bank and of the queries
        self._unlabelled: Tensor | int = 0
        self.has_neighbours = False

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if not self._has_bank:
            return
        self._unlabelled = self._unlabelled + (batch.labels == NO_LABEL).sum()
        add = self._knn.add_to_bank if dataloader_idx == BANK_LOADER else self._knn.update
        add(outputs["features"], batch.labels)
        self._index[dataloader_idx != BANK_LOADER].append(batch.index)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            self._forget()
            return
        # All processes must decide in the same way, even if only one has images without labels.
        unlabelled = torch.as_tensor(self._unlabelled, device=pl_module.device)
        unlabelled = trainer.strategy.reduce(unlabelled, reduce_op="sum")
        self.has_neighbours = self._has_bank and not unlabelled
        if self.has_neighbours:
            pl_module.log("val/knn_top1", self._knn.compute(), sync_dist=trainer.world_size > 1)
        else:
            self._leave_out(UNLABELLED)

    def _leave_out(self, reason: str) -> None:
        if not self._told:
            rank_zero_warn(f"kNN accuracy is left out: {reason}")
        self._told = True

    def validation_features(self) -> tuple[Float[Tensor, "images dim"], Int64[Tensor, " images"]]:
        """The features (of unit length) and labels of the validation images in the last evaluation.

        With several processes, only this process's part.
        """
        assert self.has_neighbours, "no evaluation with labels has been made"
        return torch.cat(self._knn.query_features), torch.cat(self._knn.query_labels)

    def neighbours(
        self, queries: int, count: int
    ) -> tuple[Int64[Tensor, " queries"], Int64[Tensor, "queries count"], Bool[Tensor, "queries count"]]:
        """Some validation images, evenly spread, and their nearest training images in the last evaluation.

        Returns the indices of both, nearest first, and whether a neighbour has the query's class. There are
        fewer than `queries` or `count` if the sets are smaller. With several processes, only this process's
        part is used.
        """
        asked, truth = self.validation_features()
        bank, labels = torch.cat(self._knn.bank_features), torch.cat(self._knn.bank_labels)
        chosen = torch.linspace(0, len(asked) - 1, min(queries, len(asked)), device=asked.device).long()
        rows = (asked[chosen] @ bank.T).topk(min(count, len(bank))).indices
        bank_index, query_index = (torch.cat(part) for part in self._index)
        same_class = labels[rows] == truth[chosen, None]
        return query_index[chosen].cpu(), bank_index[rows].cpu(), same_class.cpu()
