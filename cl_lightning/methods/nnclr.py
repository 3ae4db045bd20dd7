"""NNCLR: With a Little Help from My Friends (arXiv 2104.14548)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.data import Batch
from cl_lightning.distributed import gather
from cl_lightning.encoders import Encoder, Projector, ResNet, apply_policy
from cl_lightning.losses import OF_NEIGHBOURS, neighbour_nce
from cl_lightning.methods.both_views import apart, embedded, warn_of_no_shuffle
from cl_lightning.methods.contrastive import ContrastiveModule, Step
from cl_lightning.methods.scheduled import OptimizerFactory
from cl_lightning.metrics.sphere import normalise
from cl_lightning.optim import Schedule, WarmupCosine
from cl_lightning.pairs import simclr_views


class NNCLR(ContrastiveModule):
    """NNCLR, equation 4 and the pseudo-code of arXiv 2104.14548.

    Pairs: two random views of an image, one of which is replaced by its nearest neighbour among past
    embeddings (`SupportSet`); the negatives are the other images of the global batch.
    Encoder: one for both views, in one forward pass, followed by a predictor.
    Loss: `loss(neighbours, predictions)` with [batch, dim] each. It is the mean of two: neighbours of the
    first view with predictions of the second, and the reverse. Neighbours have no gradient. The embeddings of
    the first view enter the support set.

    Args:
        predictor_features: the width of the predictor's hidden layer. The predictor has two layers, with
            BatchNorm between them, which has the encoder's policy.

    Differs from the paper: a ResNet-18 instead of a ResNet-50, and SGD instead of LARS, by default
    (`optimizer=lars` has it).
    """

    needed_callbacks = (SupportSet,)
    losses = OF_NEIGHBOURS
    least_batch = 2  # the negatives are the other images

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]] | None = None,
        encoder: Encoder | None = None,
        loss: Callable[[Tensor, Tensor], Tensor] = neighbour_nce,
        optimizer: OptimizerFactory = partial(torch.optim.SGD, lr=0.3, momentum=0.9, weight_decay=1e-6),  # noqa: B008
        schedule: Schedule | Callable[[Optimizer], Any] = WarmupCosine(warmup_epochs=10, shorten=True),  # noqa: B008
        decay_norms_and_biases: bool = False,
        predictor_features: int = 4096,
    ) -> None:
        super().__init__(
            views or simclr_views(224),
            encoder
            or Encoder(ResNet(18), hidden_features=2048, out_features=256, layers=3, output_batch_norm=True),
            loss,
            optimizer,
            schedule,
            decay_norms_and_biases,
            callbacks=[SupportSet()],
        )
        if predictor_features < 1:
            raise ValueError(f"method.predictor_features is {predictor_features}; accepted: 1 or more")
        self.predictor_features = predictor_features
        dim = self.encoder.out_features
        self.predictor = Projector(dim, predictor_features, dim)
        apply_policy(self.predictor, self.encoder.batch_norm, self.encoder.batch_norm_groups)
        warn_of_no_shuffle("NNCLR", self.encoder)

    @property
    def keys_per_image(self) -> int:
        return 1  # the first view's embedding

    @property
    def negatives(self) -> int:
        return self.trainer.datamodule.batch_size - 1  # type: ignore[attr-defined]

    def told_at_start(self) -> Mapping[str, str]:
        words = f"{self.negatives:,}, the predictions of the other images in the batch"
        return {**super().told_at_start(), "negatives of a query": words}

    def example_loss(self) -> Tensor:
        return self.loss(torch.eye(2), torch.eye(2))

    def training_step(self, batch: Batch, batch_idx: int) -> Step:
        z = embedded(self.encoder, *self.two_views(batch, self.current_epoch))  # [2 batch, dim]
        support = self.attached(SupportSet)
        (p_a, p_b), (n_a, n_b) = apart(self.predictor(z)), apart(support.nearest(z))  # n: neighbours
        loss = (self.loss(n_a, p_b) + self.loss(n_b, p_a)) / 2
        z_a, z_b = apart(z.detach())
        support.collect(normalise(gather(z_a)))
        return {"loss": loss, "z_a": z_a, "z_b": z_b}
