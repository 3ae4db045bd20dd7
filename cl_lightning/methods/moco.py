"""MoCo v2: Improved Baselines with Momentum Contrastive Learning (arXiv 2003.04297, 1911.05722)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.data import Batch
from cl_lightning.devices import on_device
from cl_lightning.distributed import gather, own_share, permutation, shuffle, world_size
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.losses import WITH_NEGATIVES, info_nce
from cl_lightning.methods.arguments import takes
from cl_lightning.methods.contrastive import ContrastiveModule, Step
from cl_lightning.methods.scheduled import OptimizerFactory
from cl_lightning.metrics import contrast_scores
from cl_lightning.metrics.sphere import normalise
from cl_lightning.optim import Schedule, WarmupCosine
from cl_lightning.pairs import moco_v2_views


class MoCoV2(ContrastiveModule):
    """MoCo v2, algorithm 1 of arXiv 1911.05722 with the views and head of arXiv 2003.04297.

    Pairs: two random views of an image; the negatives are a first-in-first-out queue of past keys.
    Encoder: the trained encoder makes queries, its moving average makes keys (`MomentumEncoder`).
    Loss: InfoNCE, `loss(queries, keys, negatives)` with [batch, dim], [batch, dim], [length, dim]. If it has
    an argument `unit_keys`, it is told that keys and negatives have unit length.

    Args:
        symmetric: whether each view is the query once. Both losses use the queue before the step, and the
            keys of both views enter it. The loss is the mean of the two.
        seed: the seed of the permutations for shuffled BatchNorm.

    Differs from the paper: the option `symmetric` (False as in the paper); biases and norms have no weight
    decay by default.
    """

    needed_callbacks = (MomentumEncoder, NegativeQueue)
    losses = WITH_NEGATIVES

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]] | None = None,
        encoder: Encoder | None = None,
        loss: Callable[[Tensor, Tensor, Tensor], Tensor] = info_nce,
        optimizer: OptimizerFactory = partial(torch.optim.SGD, lr=0.03, momentum=0.9, weight_decay=1e-4),  # noqa: B008
        schedule: Schedule | Callable[[Optimizer], Any] = WarmupCosine(),  # noqa: B008
        decay_norms_and_biases: bool = False,
        symmetric: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(
            views or moco_v2_views(224),
            encoder
            or Encoder(ResNet(18), projector_batch_norm=False, batch_norm="shuffle", batch_norm_groups=8),
            loss,
            optimizer,
            schedule,
            decay_norms_and_biases,
            callbacks=[kind() for kind in self.needed_callbacks],
        )
        if seed < 0:
            raise ValueError(f"method.seed is {seed}; accepted: a whole number from 0")
        self.symmetric = symmetric
        self.seed = seed

    @property
    def keys_per_image(self) -> int:
        return 2 if self.symmetric else 1

    @property
    def negatives(self) -> int:
        return self.attached(NegativeQueue).length

    def example_loss(self) -> Tensor:
        return self.loss(torch.eye(2), torch.eye(2), torch.eye(2))

    def training_step(self, batch: Batch, batch_idx: int) -> Step:
        view_a, view_b = self.two_views(batch, self.current_epoch)
        queue = self.attached(NegativeQueue)
        queries, all_keys = self.encoder(view_a), self.encode_keys(view_b, 2 * batch_idx)
        keys = own_share(all_keys)  # [batch, dim], as the queries
        loss = self.score(queries, keys)
        queue.collect(all_keys)
        if self.symmetric:
            other_keys = self.encode_keys(view_a, 2 * batch_idx + 1)
            loss = (loss + self.score(self.encoder(view_b), own_share(other_keys))) / 2
            queue.collect(other_keys)
        scores = contrast_scores(queries, keys, queue.keys)
        return {"loss": loss, "z_a": queries.detach(), "z_b": keys, **scores}

    def score(self, queries: Tensor, keys: Tensor) -> Tensor:
        """The loss of queries and their own keys, both [batch, dim], against the queue."""
        queue = self.attached(NegativeQueue)
        declared = {"unit_keys": queue.unit_keys} if takes(self.loss, "unit_keys") else {}
        return self.loss(queries, keys, queue.keys, **declared)

    @torch.no_grad()
    def encode_keys(self, images: Tensor, number: int) -> Tensor:
        """Unit keys [global batch, dim] of the images [batch, ...] of all processes, in rank order.

        For shuffled BatchNorm the global batch is permuted before the encoder, differently for each `number`.
        """
        encoder = self.attached(MomentumEncoder).encoder
        if self.encoder.batch_norm != "shuffle":
            return normalise(gather(encoder(images)))
        order = permutation(len(images) * world_size(), self.seed, self.current_epoch, number)
        shuffled = normalise(gather(encoder(shuffle(images, order))))
        return shuffled[on_device(order.argsort(), shuffled.device)]
