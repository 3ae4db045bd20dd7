"""What SimCLR and MoCo v2 share: everything but the pairs and their score."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from lightning.pytorch import Callback, LightningModule
from torch import Tensor
from torch.optim import Optimizer

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.data import Batch
from cl_lightning.encoders import Encoder
from cl_lightning.optim import WarmupCosine, param_groups

C = TypeVar("C", bound=Callback)
OptimizerFactory = Callable[[list[dict[str, Any]]], Optimizer]

QUERY_LOADER = 1  # validation: loader 0 is the kNN bank, loader 1 the images that are asked for


class ContrastiveModule(LightningModule):
    """Optimizer, schedule, views, evaluation and callbacks of a contrastive method.

    Args:
        views: pairs; `(images, index, epoch) -> (view_a, view_b)`, with `clean(images)` for evaluation.
        encoder: backbone and projector.
        loss: how embeddings are scored; see the method for its arguments.
        optimizer: from parameter groups to an optimizer, such as `partial(torch.optim.SGD, lr=0.1)`.
        schedule: learning rate by step.
        decay_norms_and_biases: whether weight decay reaches biases and normalisation layers.
        callbacks: those that a Trainer gets if it has none of their kind.
    """

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]],
        encoder: Encoder,
        loss: Callable[..., Tensor],
        optimizer: OptimizerFactory,
        schedule: WarmupCosine,
        decay_norms_and_biases: bool,
        callbacks: Sequence[Callback],
    ) -> None:
        super().__init__()
        self.views = views
        self.encoder = encoder
        self.loss = loss
        self.make_optimizer = optimizer
        self.schedule = schedule
        self.decay_norms_and_biases = decay_norms_and_biases
        self.default_callbacks = [HealthMonitor(), KNNMonitor(), *callbacks]

    def two_views(self, batch: Batch, epoch: int) -> tuple[Tensor, Tensor]:
        """Both views of a batch, [batch, channels, size, size] each, in the dtype of the weights."""
        # Under autocast the crop's matrix products would run in half precision.
        with torch.autocast(self.device.type, enabled=False):
            view_a, view_b = self.views(batch.images, batch.index, epoch)
        return view_a.to(self.dtype), view_b.to(self.dtype)

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Features of clean images, and for the images asked for the embeddings of two fixed views."""
        with torch.autocast(self.device.type, enabled=False):
            images = self.views.clean(batch.images).to(self.dtype)  # type: ignore[attr-defined]
        outputs = {"features": self.encoder.backbone(images)}
        if dataloader_idx == QUERY_LOADER:
            view_a, view_b = self.two_views(batch, epoch=0)
            outputs |= {"z_a": self.encoder(view_a), "z_b": self.encoder(view_b)}
        return outputs

    @property
    def effective_batch_size(self) -> int:
        """Images of one optimizer step, over all devices and accumulated micro-batches."""
        return self.trainer.datamodule.batch_size * self.trainer.accumulate_grad_batches  # type: ignore[attr-defined]

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        optimizer = self.make_optimizer(param_groups(self, self.decay_norms_and_biases))
        steps = int(self.trainer.estimated_stepping_batches)
        steps_per_epoch = self.trainer.num_training_batches / self.trainer.accumulate_grad_batches
        scheduler = self.schedule.attach(optimizer, steps, steps_per_epoch, self.effective_batch_size)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_callbacks(self) -> list[Callback]:
        """The method's own callbacks of those kinds that the Trainer lacks."""
        # Lightning drops a Trainer's callback when the module brings one of its class, and asks again at
        # every fit and validate: so only what is missing, and the same instances each time.
        present = self.trainer.callbacks  # type: ignore[attr-defined]
        return [c for c in self.default_callbacks if not any(isinstance(p, type(c)) for p in present)]

    def attached(self, kind: type[C]) -> C:
        """The Trainer's callback of this kind."""
        return next(c for c in self.trainer.callbacks if isinstance(c, kind))  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        backbone, encoder = type(self.encoder.backbone).__name__, self.encoder
        return (
            f"{type(self).__name__}(\n"
            f"  pairs:   {self.views}\n"
            f"  encoder: {backbone}, {encoder.features} features, {encoder.out_features} embedded, "
            f"batch norm {encoder.batch_norm}\n"
            f"  loss:    {describe(self.loss)}\n)"
        )


def describe(function: Callable[..., Any]) -> str:
    """A function's name and the arguments that a `partial` holds for it."""
    if not isinstance(function, partial):
        return getattr(function, "__name__", repr(function))
    arguments = ", ".join(f"{key}={value}" for key, value in function.keywords.items())
    return f"{function.func.__name__}({arguments})"
