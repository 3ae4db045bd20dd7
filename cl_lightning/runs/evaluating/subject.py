"""What a protocol measures: a network of a run, and labelled images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cl_lightning.data import ContrastiveData
from cl_lightning.data.class_names import numbers_by_name
from cl_lightning.data.readable import bare
from cl_lightning.evaluation import Features
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.networks import Source
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.given_images import Given


@dataclass
class Subject:
    """A network of a run, and the images on which it is evaluated.

    Args:
        folder, config: the run, and its config with the present folders of its images.
        source: what the network is, as in `evaluate`.
        asked: how and on what it is measured.
        network: from the network's input to features. A protocol leaves it as it is: one that trains takes a
            copy.
        views: its method `clean` makes the network's input from uint8 images.
        data: its bank has the labelled images to learn from, `val` those to measure on.
        train, val: the features of these images.
    """

    folder: RunFolder
    config: dict[str, Any]
    source: Source
    asked: Asked
    network: nn.Module
    views: Any
    data: ContrastiveData

    train: Features
    val: Features

    @property
    def given(self) -> Given | None:
        """What the images are if they are not the run's."""
        return self.asked.images.given

    @property
    def data_name(self) -> str:
        """The name of the images on which it is evaluated."""
        return str(self.config["data"]["name"] if self.given is None else self.given.name)

    @property
    def knn(self) -> dict[str, Any]:
        """The settings of the kNN with which the run measured itself; empty if it did not."""
        return dict(self.config["callbacks"].get("knn") or {})

    @cached_property
    def classes(self) -> Tensor:
        """The numbers of all classes of the images, ascending."""
        return torch.cat([part.labels for part in (self.train, self.val)]).unique()

    @cached_property
    def class_names(self) -> list[str]:
        """The names of `classes`; the number of a class without a name."""
        named = numbers_by_name(bare(self.data.bank)) or numbers_by_name(bare(self.data.val))
        names = {number: name for name, number in named.items()}
        return [names.get(number, str(number)) for number in self.classes.tolist()]
