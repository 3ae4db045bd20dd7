"""A learner on small images, and what its trainings are compared with."""

from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.nn import functional as F

from cl_lightning.data import ContrastiveData
from cl_lightning.data.order import EpochOrder
from cl_lightning.evaluation import FrozenFeatures
from cl_lightning.evaluation.by_sgd import Learner
from cl_lightning.evaluation.recipe import Recipe
from cl_lightning.optim import WarmupCosine
from tests import small


@dataclass(frozen=True)
class CleanViews:
    """Both views of an image are its clean image, so that features are the same in each epoch."""

    views: Any

    def __call__(self, images: Tensor, index: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        return self.views.clean(images), self.views.clean(images)

    def clean(self, images: Tensor) -> Tensor:
        return self.views.clean(images)


def make_trainer(max_epochs: int, precision: Any, **settings: Any) -> Trainer:
    """Without a progress bar."""
    return small.trainer(max_epochs=max_epochs, precision=precision)


def learner(network: nn.Module, views: Any, data: ContrastiveData) -> Learner:
    train, val = FrozenFeatures(views, network).extract(data, small.trainer())
    return Learner(network, views, data, train, val, make_trainer)


def plain_fine_tuning(
    network: nn.Module, features: int, data: Any, views: Any, recipe: Recipe, seed: int
) -> tuple[nn.Module, nn.Linear]:
    """Fine-tuning of `network` itself in loops: batch by batch, with torch's SGD and its rate set by hand."""
    head = nn.Linear(features, int(data.train.labels.max()) + 1)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    images, labels = data.train.images, data.train.labels
    batch = recipe.batch_size(len(images))
    order = EpochOrder(len(images), batch, seed)
    epochs = recipe.epochs_for(len(images))
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.0, momentum=0.9, nesterov=True)
    schedule, step = WarmupCosine(), 0
    network.train()
    for epoch in range(epochs):
        order.set_epoch(epoch)
        for rows in order.batches():
            share = schedule.factor(step, epochs * len(order), 0)
            optimizer.param_groups[0]["lr"] = recipe.lr * (batch / 256) ** 0.5 * share
            view, _ = views(images[rows], rows, epoch)
            optimizer.zero_grad()
            F.cross_entropy(head(network(view)), labels[rows]).backward()
            optimizer.step()
            step += 1
    return network.eval(), head
