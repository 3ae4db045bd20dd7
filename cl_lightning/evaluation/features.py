"""Features of unaugmented images from a frozen network."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from cl_lightning.data.embedded import embedded
from cl_lightning.distributed.saved_by_rank import gather_objects


class Features(NamedTuple):
    """Features [images, dim] and labels [images] of a data set, on the CPU."""

    features: Float[Tensor, "images dim"]
    labels: Int[Tensor, " images"]


class FrozenFeatures(LightningModule):
    """`network(views.clean(images))` in evaluation mode, without gradient.

    Args:
        views: its method `clean` makes the network's input from uint8 images.
        network: from [batch, channels, size, size] to [batch, dim]; `nn.Flatten()` for the pixels.
    """

    def __init__(self, views: Any, network: nn.Module) -> None:
        super().__init__()
        self.views = views
        self.network = network

    def predict_step(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> Features:
        found = embedded(batch, self.views, self.network)
        return Features(found.vectors.float(), found.labels)

    def extract(self, data: Any, trainer: Trainer | None = None) -> tuple[Features, Features]:
        """Features of the bank (the training images) and of the validation images, in their order.

        Args:
            data: a ContrastiveData.
            trainer: None: one process, on a GPU if there is one. Of several, each has all features.
        """
        trainer = trainer or Trainer(
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        queries, bank = trainer.predict(self, datamodule=data)  # type: ignore[misc]
        return _joined(bank), _joined(queries)


def _joined(batches: list[Features]) -> Features:
    """The batches of all processes, each of which has a contiguous part of the images."""
    own = Features(*map(torch.cat, zip(*batches, strict=True)))
    return Features(*map(torch.cat, zip(*gather_objects(own), strict=True)))
