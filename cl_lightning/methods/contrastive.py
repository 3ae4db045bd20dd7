"""What all methods share: everything but the pairs and their score."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NotRequired, TypedDict

import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from cl_lightning.callbacks.whole_epochs import never_stops
from cl_lightning.data import Batch, ContrastiveData
from cl_lightning.data.embedded import Embedded, embedded
from cl_lightning.encoders import Encoder
from cl_lightning.losses import Reach, reach_of
from cl_lightning.methods.accompanied import Accompanied
from cl_lightning.methods.labelled import check_labels, warn_of_unused_positives
from cl_lightning.methods.modes import begin_training, kept_in_evaluation
from cl_lightning.methods.part_checks import check_loss, check_parts, check_views
from cl_lightning.methods.scheduled import OptimizerFactory
from cl_lightning.methods.text import method_text
from cl_lightning.optim import Schedule
from cl_lightning.pairs import clean

STEPS = {"training_step", "validation_step"}
QUERY_LOADER = 0  # the validation loader of the queries; that of the kNN's bank comes after it


class Step(TypedDict):
    """The output of a `training_step`. Monitors use its embeddings and scores.

    `loss`: a scalar, for this process's part of the batch. `z_a`, `z_b`: the embeddings of its positive
    pairs, [batch, dim] each, without gradient. A method whose negatives are other than the views of the other
    images also returns its scores, see `contrast_scores`.
    """

    loss: Tensor
    z_a: Tensor
    z_b: Tensor
    contrastive_top1: NotRequired[Tensor]
    positive_similarity: NotRequired[Tensor]
    negative_similarity: NotRequired[Tensor]


class ContrastiveModule(Accompanied):
    """Optimizer, schedule, views, evaluation and callbacks of a contrastive method.

    A method declares what it needs and offers: `needed_callbacks`, `losses`, `least_batch`, `keys_per_image`,
    `negatives`, `example_loss`. Its `training_step` returns a `Step`; a user's own `training_step` may return
    only the loss, or None to skip a batch.

    Args:
        views: makes pairs: `(images, index, epoch) -> (view_a, view_b)`, from uint8 [batch, channels, height,
            width], int64 [batch] and int to float [batch, channels, size, size] each. If they have them,
            evaluation uses their `clean(images)`, and loading cuts images to their `size`.
        encoder: backbone and projector.
        loss: scores embeddings, returns a scalar; see the method for its arguments.
        optimizer: makes an optimizer from parameter groups, such as `partial(torch.optim.SGD, lr=0.1)`.
        schedule: the learning-rate schedule: a `WarmupCosine`, or a function that makes a scheduler of
            `torch.optim.lr_scheduler` from an optimizer, see `OtherSchedule`.
        decay_norms_and_biases: whether biases and normalisation layers have weight decay.
        callbacks: are added to a Trainer that has none of their kind.

    Raises:
        ValueError: an argument of the wrong kind, or a loss of this package that is not in `losses`.
    """

    losses: ClassVar[tuple[Callable[..., Tensor], ...]] = ()  # losses of this package that it can call
    least_batch: ClassVar[int] = 1  # the smallest global batch

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in STEPS & cls.__dict__.keys():
            setattr(cls, name, never_stops(cls.__dict__[name]))

    def __init__(
        self,
        views: Callable[..., tuple[Tensor, Tensor]],
        encoder: Encoder,
        loss: Callable[..., Tensor],
        optimizer: OptimizerFactory,
        schedule: Schedule | Callable[[Optimizer], Any],
        decay_norms_and_biases: bool,
        callbacks: Sequence[Callback],
    ) -> None:
        super().__init__(optimizer, schedule, decay_norms_and_biases, callbacks)
        check_parts(views, encoder, loss, optimizer)
        check_loss(self, loss)
        self.views = views
        self.encoder = encoder
        self.loss = loss
        self._views_hooks: dict[int, Callable[[tuple[Tensor, Tensor]], None]] = OrderedDict()

    @property
    def keys_per_image(self) -> int:
        """The number of keys that a step makes for each image, for a queue; 0 if it makes none."""
        return 0

    @property
    def negatives(self) -> int | None:
        """The number of negatives of each anchor in the current fit; None if unknown."""
        return None

    def example_loss(self) -> Tensor | None:
        """The loss of the embeddings of two images, called as in a step; None if there is no example."""
        return None

    @property
    def reach(self) -> Reach | None:
        """From what to what the loss of the running fit can go; None where it is not known."""
        return None if self.negatives is None else reach_of(self.loss, self.negatives)

    def told_at_start(self) -> Mapping[str, str]:
        """Lines of the start report, by their names."""
        lines = {} if self.negatives is None else {"negatives of a query": f"{self.negatives:,}"}
        lines["parameters"] = f"{sum(p.numel() for p in self.parameters() if p.requires_grad):,} trained"
        if self.kept_in_evaluation:
            lines["in evaluation mode"] = self.kept_in_evaluation
        return lines if self.begun is None else {"begins with": str(self.begun), **lines}

    def two_views(self, batch: Batch, epoch: int) -> tuple[Tensor, Tensor]:
        """Both views of a batch, [batch, channels, size, size] each, in the dtype of the weights.

        Raises ValueError if `views` returns anything else.
        """
        # Under autocast the crop's matrix products would run in half precision.
        with torch.autocast(self.device.type, enabled=False):
            view_a, view_b = check_views(self.views(batch.images, batch.index, epoch), len(batch.images))
        views = view_a.to(self.dtype), view_b.to(self.dtype)
        if self.training:
            for hook in self._views_hooks.values():
                hook(views)
        return views

    def register_views_hook(self, hook: Callable[[tuple[Tensor, Tensor]], None]) -> RemovableHandle:
        """Call `hook` with both views of every training batch, until `remove()` of the handle is called."""
        handle = RemovableHandle(self._views_hooks)
        self._views_hooks[handle.id] = hook
        return handle

    @never_stops
    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Features of unaugmented images; for queries also the embeddings of two fixed views."""
        with torch.autocast(self.device.type, enabled=False):
            images = clean(self.views, batch.images).to(self.dtype)
        outputs = {"features": self.encoder.backbone(images)}
        if dataloader_idx == QUERY_LOADER:
            view_a, view_b = self.two_views(batch, epoch=0)
            outputs |= {"z_a": self.encoder(view_a), "z_b": self.encoder(view_b)}
        return outputs

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Embedded:
        """The backbone's features of unaugmented images, as `cl-embed` writes them."""
        return embedded(batch, self.views, self.encoder.backbone)

    def setup(self, stage: str) -> None:
        """A fit begins in training mode, whatever was before; parts without gradients keep their modes.

        Raises ValueError for any other data than a `ContrastiveData`, and for a loss by labels without any.
        """
        super().setup(stage)
        if stage != "fit":
            return
        if not isinstance(getattr(self.trainer, "datamodule", None), ContrastiveData):
            raise ValueError(
                "the Trainer was given no ContrastiveData; accepted: Trainer.fit(method, "
                "ContrastiveData(train=...)) with any map-style Dataset of images or (image, label)"
            )
        check_labels(self.loss, self.trainer.datamodule)  # type: ignore[attr-defined]
        warn_of_unused_positives(self.loss, self.trainer.datamodule)  # type: ignore[attr-defined]
        begin_training(self)

    @property
    def kept_in_evaluation(self) -> str:
        """Names of the parts that stay in evaluation mode in a fit; empty if there are none."""
        return kept_in_evaluation(self)

    def on_fit_start(self) -> None:
        """Prints which parts stay in evaluation mode.

        Raises ValueError if the Trainer's `sync_batchnorm` has replaced the encoder's BatchNorm, or if the
        optimizer is not the one in the checkpoint.
        """
        super().on_fit_start()
        if self.kept_in_evaluation:
            rank_zero_info(f"in evaluation mode, without new statistics: {self.kept_in_evaluation}")
        if any(isinstance(layer, nn.SyncBatchNorm) for layer in self.encoder.modules()):
            raise ValueError(
                "the Trainer's sync_batchnorm=True replaces the encoder's BatchNorm and its policy; "
                "accepted: sync_batchnorm=False; Encoder(batch_norm='sync') has the global batch's statistics"
            )

    def on_fit_end(self) -> None:
        self.begun = None  # another fit begins with what this one has trained

    def __repr__(self) -> str:
        return method_text(self)
