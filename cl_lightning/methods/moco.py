"""MoCo v2: Improved Baselines with Momentum Contrastive Learning (arXiv 2003.04297, 1911.05722)."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.data import Batch
from cl_lightning.distributed import gather, own_share, permutation, shuffle, world_size
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.losses import info_nce
from cl_lightning.methods.contrastive import ContrastiveModule, OptimizerFactory
from cl_lightning.metrics import contrast_scores
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views


class MoCoV2(ContrastiveModule):
    """MoCo v2, algorithm 1 of arXiv 1911.05722 with the views and head of arXiv 2003.04297.

    Pairs: two random views of an image; the negatives are a first-in-first-out queue of past keys.
    Encoder: queries by the trained encoder, keys by its moving average (`MomentumEncoder`).
    Loss: InfoNCE, `loss(queries, keys, negatives)` with [batch, dim], [batch, dim], [length, dim].

    Args:
        symmetric: score each view as query once, both against the queue as it was before the step, and
            enqueue both views' keys. The loss is the mean of the two.
        seed: of the permutations of shuffled BatchNorm.

    Differs from the paper: `symmetric` (False is the paper's); biases and norms don't decay by default.
    """

    needed_callbacks = (MomentumEncoder, NegativeQueue)

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]] | None = None,
        encoder: Encoder | None = None,
        loss: Callable[[Tensor, Tensor, Tensor], Tensor] = partial(info_nce, temperature=0.2),  # noqa: B008
        optimizer: OptimizerFactory = partial(torch.optim.SGD, lr=0.03, momentum=0.9, weight_decay=1e-4),  # noqa: B008
        schedule: WarmupCosine = WarmupCosine(),  # noqa: B008
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

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        view_a, view_b = self.two_views(batch, self.current_epoch)
        queue = self.attached(NegativeQueue)
        queries, all_keys = self.encoder(view_a), self.encode_keys(view_b, 2 * batch_idx)
        keys = own_share(all_keys)  # [batch, dim], as the queries
        loss = self.loss(queries, keys, queue.keys)
        queue.collect(all_keys)
        if self.symmetric:
            other_keys = self.encode_keys(view_a, 2 * batch_idx + 1)
            loss = (loss + self.loss(self.encoder(view_b), own_share(other_keys), queue.keys)) / 2
            queue.collect(other_keys)
        scores = contrast_scores(queries, keys, queue.keys)
        return {"loss": loss, "z_a": queries.detach(), "z_b": keys, **scores}

    @property
    def keys_per_step(self) -> int:
        """Keys that one optimizer step makes, over all devices and micro-batches."""
        return self.effective_batch_size * (2 if self.symmetric else 1)

    @torch.no_grad()
    def encode_keys(self, images: Tensor, number: int) -> Tensor:
        """Unit keys [global batch, dim] of all processes' images [batch, ...], in rank order.

        Shuffled BatchNorm permutes the global batch for the encoder, another way for each `number`.
        """
        encoder = self.attached(MomentumEncoder).encoder
        if self.encoder.batch_norm != "shuffle":
            return unit(gather(encoder(images)))
        order = permutation(len(images) * world_size(), self.seed, self.current_epoch, number)
        shuffled = unit(gather(encoder(shuffle(images, order))))
        return shuffled[order.argsort().to(shuffled.device, non_blocking=True)]


def unit(z: Tensor) -> Tensor:
    """Rows of unit length, in at least float32."""
    return F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)), dim=1)
