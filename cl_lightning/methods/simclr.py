"""SimCLR: A Simple Framework for Contrastive Learning of Visual Representations (arXiv 2002.05709)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.data import Batch
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.losses import OF_TWO_VIEWS, WITH_LABELS, nt_xent
from cl_lightning.methods.both_views import apart, embedded, warn_of_no_shuffle
from cl_lightning.methods.contrastive import ContrastiveModule, Step
from cl_lightning.methods.labelled import takes_labels
from cl_lightning.methods.scheduled import OptimizerFactory
from cl_lightning.optim import Schedule, WarmupCosine
from cl_lightning.pairs import simclr_views


class SimCLR(ContrastiveModule):
    """SimCLR, algorithm 1 of arXiv 2002.05709.

    Pairs: two random views of an image; every other view of the global batch is a negative.
    Encoder: one for both views, in one forward pass.
    Loss: NT-Xent, `loss(z_a, z_b)` with the embeddings [batch, dim] of this process. A loss that needs those
    of all processes must gather them, as NT-Xent does. A loss with an argument `labels` also gets the labels,
    int64 [batch], -1 for no label, so that images with the same label can be positives of each other.

    Differs from the paper: SGD instead of LARS by default (`optimizer=lars` has it).
    """

    losses = (*OF_TWO_VIEWS, *WITH_LABELS)
    least_batch = 2  # the negatives are the other images

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]] | None = None,
        encoder: Encoder | None = None,
        loss: Callable[..., Tensor] = nt_xent,
        optimizer: OptimizerFactory = partial(torch.optim.SGD, lr=0.3, momentum=0.9, weight_decay=1e-6),  # noqa: B008
        schedule: Schedule | Callable[[Optimizer], Any] = WarmupCosine(warmup_epochs=10, shorten=True),  # noqa: B008
        decay_norms_and_biases: bool = False,
    ) -> None:
        super().__init__(
            views or simclr_views(224),
            encoder or Encoder(ResNet(18)),
            loss,
            optimizer,
            schedule,
            decay_norms_and_biases,
            callbacks=[],
        )
        warn_of_no_shuffle("SimCLR", self.encoder)

    @property
    def negatives(self) -> int:
        return 2 * self.trainer.datamodule.batch_size - 2  # type: ignore[attr-defined]

    def told_at_start(self) -> Mapping[str, str]:
        same = ", those with its label not" if takes_labels(self.loss) else ""
        words = f"{self.negatives:,}, both views of the other images in the batch{same}"
        return {**super().told_at_start(), "negatives of a query": words}

    def example_loss(self) -> Tensor:
        return self.score(torch.eye(2), torch.eye(2), torch.zeros(2, dtype=torch.int64))

    def score(self, z_a: Tensor, z_b: Tensor, labels: Tensor) -> Tensor:
        """The loss of the embeddings of two views [batch, dim], with labels [batch] if it takes them."""
        return self.loss(z_a, z_b, labels=labels) if takes_labels(self.loss) else self.loss(z_a, z_b)

    def training_step(self, batch: Batch, batch_idx: int) -> Step:
        z_a, z_b = apart(embedded(self.encoder, *self.two_views(batch, self.current_epoch)))
        loss = self.score(z_a, z_b, batch.labels)
        return {"loss": loss, "z_a": z_a.detach(), "z_b": z_b.detach()}
