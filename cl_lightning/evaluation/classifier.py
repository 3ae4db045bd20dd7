"""A linear classifier on a backbone, trained by cross-entropy."""

import copy
from typing import Any

import torch
from jaxtyping import Float, Int64
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn import functional as F

from cl_lightning.encoders.policy import apply_policy
from cl_lightning.evaluation.labelled_views import fitting
from cl_lightning.evaluation.recipe import Recipe
from cl_lightning.optim import fused
from cl_lightning.pairs import clean


class Classifier(LightningModule):
    """softmax(W h + b) on the features h of a copy of `backbone`; W and b begin with 0.

    It is trained on the first of the two views of each image. The backbone learns too (fine-tuning), with
    BatchNorm statistics of the global batch; or it is `frozen`: in evaluation mode and without gradient.

    Args:
        backbone: from [batch, channels, size, size] to [batch, features]; it is never changed itself.
        classes: the labels among which is chosen, ascending; any whole numbers.
        views: of the training images; their `clean` makes the input of the images to predict.
        batch_size: images of a batch over all processes.
    """

    classes: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        features: int,
        classes: Int64[Tensor, " classes"],
        views: Any,
        recipe: Recipe,
        batch_size: int,
        frozen: bool,
    ) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone).float().train().requires_grad_(not frozen)
        if not frozen:
            apply_policy(self.backbone, "sync", 1)
        self.head = nn.Linear(features, len(classes))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.views, self.recipe, self.batch_size, self.frozen = views, recipe, batch_size, frozen
        self.register_buffer("classes", classes)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))

    def standardise(self, features: Float[Tensor, "images features"]) -> None:
        """Take the mean and standard deviation of these features out of h, as before a probe by L-BFGS."""
        std, mean = torch.std_mean(features.double(), dim=0, correction=0)
        self.mean, self.std = mean.float(), torch.where(std > 0, std, 1).float()

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch classes"]:
        h = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return self.head((h - self.mean) / self.std)

    def on_train_start(self) -> None:
        self.backbone.train(not self.frozen)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        images, _ = self.views(fitting(self.views, batch.images), batch.index, self.current_epoch)
        return F.cross_entropy(self(images).float(), torch.searchsorted(self.classes, batch.labels))

    def predict_step(self, batch: Any, batch_idx: int) -> Int64[Tensor, " batch"]:
        """The label of the most probable class of each image."""
        return self.classes[self(clean(self.views, batch.images)).argmax(1)].cpu()

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(
            [p for p in self.parameters() if p.requires_grad],
            lr=self.recipe.lr,
            momentum=self.recipe.momentum,
            nesterov=True,
            **fused(torch.optim.SGD, self.device),
        )
        steps, epochs = int(self.trainer.estimated_stepping_batches), self.trainer.max_epochs or 1
        schedule = self.recipe.schedule.attach(optimizer, steps, steps / epochs, self.batch_size)
        return {"optimizer": optimizer, "lr_scheduler": schedule}
