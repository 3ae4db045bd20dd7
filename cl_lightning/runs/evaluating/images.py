"""The images on which a run is evaluated: its own, or others that the command names."""

from dataclasses import dataclass
from typing import Any

from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import BrokenImageError, ContrastiveData
from cl_lightning.data.item import NO_LABEL
from cl_lightning.evaluation import Features, FrozenFeatures
from cl_lightning.evaluation.phrases import counted
from cl_lightning.files import printable
from cl_lightning.runs.checking.shared_memory import spare_shared_memory
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.given_images import Given, evaluation_data
from cl_lightning.runs.own_images.record import images_to_evaluate
from cl_lightning.runs.own_images.record_file import OtherImagesError


@dataclass(frozen=True)
class Images:
    """Which images, in words: those of a run, in its folder `root` if they were moved, or those `given`."""

    given: Given | None = None
    root: str | None = None

    def __post_init__(self) -> None:
        if self.given is not None and self.root is not None:
            raise ConfigError(
                f"--root is {self.root}, the folder of the runs' own images, but --data names others; "
                "accepted: one of them"
            )

    def config_and_data(self, folder: RunFolder, views: Any) -> tuple[dict[str, Any], ContrastiveData]:
        """The config of a run, with the present folders of its images if they are evaluated; and the images.

        Raises:
            NotEvaluableError: images are missing or can't be read; the run's have changed since it began;
                others have other channels than the network takes.
        """
        if self.given is not None:
            return folder.config(), _others(self.given, folder, views)
        try:
            return images_to_evaluate(folder, self.root)
        except OtherImagesError as error:
            raise NotEvaluableError(str(error)) from error
        except ConfigError as error:
            if str(folder.path) in str(error):
                raise
            raise NotEvaluableError(f"{folder.path} can't be built again: {error}") from error

    def features(
        self, folder: RunFolder, data: ContrastiveData, frozen: FrozenFeatures, trainer: Trainer | None
    ) -> tuple[Features, Features]:
        """Features of the labelled training images and of the validation images.

        Raises:
            NotEvaluableError: an image of the run has no label; a feature is not finite.
            ConfigError: one of the others has no label; a file can't be read; more processes than images.
        """
        self._require_labels(data.has_labels, folder)
        _check_processes(data, folder, trainer)
        try:
            spare_shared_memory(data, frozen.views)
            train, val = frozen.extract(data, trainer)
        except BrokenImageError as error:
            raise ConfigError(self._broken(error, folder)) from error
        self._require_labels(all(NO_LABEL not in part.labels for part in (train, val)), folder)
        if not all(part.features.isfinite().all() for part in (train, val)):
            raise NotEvaluableError(
                f"{folder.path}: its network gives features that are not finite; accepted: a run whose "
                "training did not diverge"
            )
        return train, val

    def _require_labels(self, labelled: bool, folder: RunFolder) -> None:
        accepted = "accepted: labelled data.train (or data.bank) and data.val"
        if labelled:
            return
        if self.given is not None:
            if self.given.root is not None:
                accepted = (
                    "accepted: train/CLASS and val/CLASS, or CLASS with data.val_fraction, for every photo; "
                    "a folder that is the only one is a class with data.labels=true"
                )
            raise ConfigError(f"--data: not every image of {self.given.name} has a label; {accepted}")
        raise NotEvaluableError(f"{folder.path}: not every image of its data has a label; {accepted}")

    def _broken(self, error: BrokenImageError, folder: RunFolder) -> str:
        """The message about files that can't be read: an evaluation replaces none."""
        names = ", ".join(map(printable, error.paths))
        what = f"cannot read {names}" if names else str(error).partition("; accepted: ")[0].rstrip(".")
        if self.given is not None:
            return f"--data: {what}; accepted: images that can be read, so repair or remove it"
        accepted = "accepted: the images that it began with, repaired or put back (data.root)"
        return f"{folder.path}: {what}; {accepted}"


def _check_processes(data: ContrastiveData, folder: RunFolder, trainer: Trainer | None) -> None:
    """Each process makes the features of its share."""
    processes = 1 if trainer is None else trainer.num_devices * trainer.num_nodes
    for name, part in data.sets.evaluated().items():
        if len(part) < processes:
            raise ConfigError(
                f"{folder.path}: {processes} processes, but data.{name} has {counted(len(part), 'image')}; "
                f"accepted: at most {len(part)} with --devices"
            )


def _others(given: Given, folder: RunFolder, views: Any) -> ContrastiveData:
    """Images that are not the run's. Another run may take what this one can't."""
    if given.config["data"].get("val") is None:
        raise ConfigError(
            f"--data: {given.name} has no validation images; "
            "accepted: data.val, which is val/CLASS in a folder, or data.val_fraction"
        )
    try:
        return evaluation_data(given, views)
    except ConfigError as error:
        raise NotEvaluableError(f"{folder.path}: {error}") from error
