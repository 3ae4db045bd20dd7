"""What the papers' recipes make of an encoder: a linear probe by SGD, and fine-tuning."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn

from cl_lightning.data import ContrastiveData
from cl_lightning.data.labelled_data import LabelledData
from cl_lightning.distributed import world_size
from cl_lightning.evaluation.classifier import Classifier
from cl_lightning.evaluation.features import Features
from cl_lightning.evaluation.labelled_views import labelled_views, told_of
from cl_lightning.evaluation.phrases import counted, measured_on
from cl_lightning.evaluation.recipe import Recipe
from cl_lightning.evaluation.training import predictions


@dataclass(frozen=True)
class SGDResult:
    """Mean and standard deviation of the accuracy over `draws` seeds, the protocol as a list of phrases, and
    the class that each image of `val` was taken for, with each seed."""

    accuracy: float
    std: float
    draws: int
    protocol: tuple[str, ...]
    predicted: Int[Tensor, "draws images"]


@dataclass(frozen=True)
class Learner:
    """Trains a linear classifier on a backbone: a probe of it if `frozen`, else both learn (fine-tuning).

    Args:
        network: the backbone; it stays as it is, a copy is trained.
        views: the run's; the classifier is trained on their crop and flip.
        data: its bank has the images to learn from.
        train, val: the features and labels of these images and of those to predict.
        trainer: makes a Trainer with the arguments that it is given.
        precision: of the training, in Lightning's words.
        drawn: for fine-tuning from random weights, the network of each seed; None: always `network`.
    """

    network: nn.Module
    views: Any
    data: ContrastiveData
    train: Features
    val: Features
    trainer: Callable[..., Trainer]
    precision: Any = "32-true"
    drawn: Callable[[int], nn.Module] | None = None

    def accuracy(
        self, recipe: Recipe, frozen: bool, chosen: Sequence[np.ndarray | None], labelled: str, told: str
    ) -> SGDResult:
        """The accuracy on `val` after the last epoch. Nothing is chosen by `val`.

        Args:
            chosen: for each seed (0, 1, ...) the rows of `train` to learn from, equally many; None: all.
            labelled: what these are, for the protocol.
            told: what is trained, for the line above the progress.

        Raises:
            ValueError: fewer than two classes to learn; batches that the processes can't share.
        """
        classes = self.train.labels.unique()
        if len(classes) < 2:
            raise ValueError(
                "the labelled training images are of one class, from which no classifier can learn; "
                "accepted: images of two classes or more, or --protocol knn"
            )
        seeds = len(chosen)
        learnt = [
            self._predictions(recipe, frozen, rows, seed, f"{told}, seed {seed} ({seed + 1} of {seeds})")
            for seed, rows in enumerate(chosen)
        ]
        scores = torch.tensor([_accuracy(found, self.val) for found in learnt], dtype=torch.float64)
        images = len(self.train.labels if chosen[0] is None else chosen[0])
        protocol = (
            *recipe.phrases(images, self.precision),
            told_of(self.views),
            f"{labelled}, {counted(seeds, 'draw')} of batches and views",
            f"last epoch, {measured_on(self.val.labels, self.train.labels)}",
        )
        spread = scores.std(correction=0).item()
        return SGDResult(scores.mean().item(), spread, seeds, protocol, torch.stack(learnt))

    def _predictions(
        self, recipe: Recipe, frozen: bool, chosen: np.ndarray | None, seed: int, told: str
    ) -> Int[Tensor, " images"]:
        labels = self.train.labels if chosen is None else self.train.labels[chosen]
        batch_size = recipe.batch_size(len(labels))
        _check_shares(batch_size)
        classifier = Classifier(
            self.network if frozen or self.drawn is None else self.drawn(seed),
            self.train.features.shape[1],
            labels.unique(),
            labelled_views(self.views, seed),
            recipe,
            batch_size,
            frozen,
        )
        if frozen:
            classifier.standardise(self.train.features)
        data = LabelledData(self.data, chosen, batch_size, seed)
        trainer = partial(self.trainer, precision=self.precision, max_epochs=recipe.epochs_for(len(labels)))
        predicted = predictions(classifier, data, trainer, told)
        rank_zero_only(print)(f"{told}: {_accuracy(predicted, self.val):.3f}", file=sys.stderr)
        return predicted


def _accuracy(predicted: Int[Tensor, " images"], val: Features) -> float:
    return (predicted == val.labels).double().mean().item()


def _check_shares(batch_size: int) -> None:
    if batch_size % world_size():
        accepted = [str(n) for n in range(1, batch_size + 1) if batch_size % n == 0]
        raise ValueError(
            f"batches of {batch_size} images can't be shared by {world_size()} processes; accepted: "
            f"{', '.join(accepted)} with --devices"
        )
