"""What a protocol measures: a network of a run, and labelled images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import BrokenImageError, ContrastiveData
from cl_lightning.data.class_names import numbers_by_name
from cl_lightning.data.item import NO_LABEL
from cl_lightning.data.readable import bare
from cl_lightning.evaluation import Features, FrozenFeatures
from cl_lightning.files import printable
from cl_lightning.runs.checking.shared_memory import spare_shared_memory
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.evaluating.networks import Source
from cl_lightning.runs.evaluating.start import Trained
from cl_lightning.runs.folder import RunFolder


@dataclass
class Subject:
    """A network of a run, and the images on which it is evaluated.

    Args:
        folder, config: the run, and its config with the present folders of its images.
        source, encoder: what the network is, as in `evaluate`.
        network: from the network's input to features. A protocol leaves it as it is: one that trains takes a
            copy.
        views: its method `clean` makes the network's input from uint8 images.
        data: its bank has the labelled images to learn from, `val` those to measure on.
        train, val: the features of these images.
    """

    folder: RunFolder
    config: dict[str, Any]
    source: Source
    encoder: Trained
    network: nn.Module
    views: Any
    data: ContrastiveData

    train: Features
    val: Features

    @property
    def knn(self) -> dict[str, Any]:
        """The settings of the kNN with which the run measured itself; empty if it did not."""
        return dict(self.config["callbacks"].get("knn") or {})

    @cached_property
    def classes(self) -> Int[Tensor, " classes"]:
        """The numbers of all classes of the images, ascending."""
        return torch.cat([part.labels for part in (self.train, self.val)]).unique()

    @cached_property
    def class_names(self) -> list[str]:
        """The names of `classes`; the number of a class without a name."""
        named = numbers_by_name(bare(self.data.bank)) or numbers_by_name(bare(self.data.val))
        names = {number: name for name, number in named.items()}
        return [names.get(number, str(number)) for number in self.classes.tolist()]


def extracted(
    folder: RunFolder, data: ContrastiveData, network: nn.Module, views: Any
) -> tuple[Features, Features]:
    """Features of the labelled training images and of the validation images of a run.

    Raises:
        NotEvaluableError: an image has no label.
        ConfigError: a file can't be read.
    """
    _require_labels(data.has_labels, folder)
    try:
        spare_shared_memory(data, views)
        train, val = FrozenFeatures(views, network).extract(data)
    except BrokenImageError as error:
        raise ConfigError(_broken_by_now(error, folder)) from error
    _require_labels(all(NO_LABEL not in part.labels for part in (train, val)), folder)
    return train, val


def _require_labels(labelled: bool, folder: RunFolder) -> None:
    if not labelled:
        raise NotEvaluableError(
            f"{folder.path}: not every image of its data has a label; accepted: labelled data.train (or "
            "data.bank) and data.val"
        )


def _broken_by_now(error: BrokenImageError, folder: RunFolder) -> str:
    """The message about files that the run could read, but not this evaluation: it replaces none."""
    names = ", ".join(map(printable, error.paths))
    what = f"cannot read {names}" if names else str(error).partition("; accepted: ")[0].rstrip(".")
    return f"{folder.path}: {what}; accepted: the images that it began with, repaired or put back (data.root)"
