"""The images that a command line names beside a run: a folder of photos, or words of the group `data`."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cl_lightning.blueprints import ConfigError, refused
from cl_lightning.blueprints.config_error import shown
from cl_lightning.commands import conf_folder, resolved
from cl_lightning.data import ContrastiveData, TensorImages
from cl_lightning.data.channels import channels_of
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.any_layout import all_photos
from cl_lightning.runs.assemble import assemble_sets, data_of
from cl_lightning.runs.checking.data_keys import check_effect

OF_DATA = re.compile(r"~?\+{0,2}data([.@=]|$)")
ACCEPTED = "accepted: a folder of photos, or words of cl-train, such as data=cifar10 data.root=DIR"
LEAST = {"batch_size": 1, "num_workers": 0, "max_broken": 0}  # of the numbers below data


class Given(NamedTuple):
    """Images from a command line.

    `name` is that of the folder or of the data set, for files and tables; `root` the folder of photos, None
    for a data set by its words; `config` the config of cl-train with these images.
    """

    name: str
    root: Path | None
    config: dict[str, Any]


def given_images(words: Sequence[str], option: str) -> Given:
    """What the words of a command line name; no image is read.

    Args:
        words: a folder of photos or `data=OPTION`, then any words of the group `data`, as for cl-train.
        option: how the command calls these words, for messages.

    Raises:
        ConfigError: they name no images.
    """
    folder = (
        Path(words[0]).expanduser() if words and ("=" not in words[0] or os.path.isdir(words[0])) else None
    )
    overrides = list(words if folder is None else words[1:])
    if wrong := [word for word in overrides if not OF_DATA.match(word)]:
        raise ConfigError(f"{option} has {wrong[0]}; {ACCEPTED}")
    if folder is None:
        if not any(word.startswith("data=") for word in overrides):
            raise ConfigError(f"{option} is {' '.join(overrides) or 'empty'}; {ACCEPTED}")
        config = _composed(overrides)
        return Given(config["data"]["name"], None, config)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "not there"
        raise ConfigError(f"{option} is {words[0]}, which is {what}; {ACCEPTED}")
    config = _composed(["data=image_folder", *overrides])
    config["data"]["root"] = str(folder)
    for part in ("train", "val"):
        if isinstance(config["data"].get(part), Mapping):
            config["data"][part]["root"] = str(folder)
    return Given(folder.resolve().name or "root", folder, config)


def evaluation_data(given: Given, views: Any) -> ContrastiveData:
    """The images as data to evaluate on: queries in `val`, compared with `train` or `bank`.

    A folder has the layouts of `data=image_folder`. The batch is at most the training images.

    Raises:
        ConfigError: they can't be read, or have other channels than the network of these views takes.
    """
    sets = assemble_sets(given.config)
    check_channels(sets, views, given)
    data = given.config["data"]
    batch = min(data["batch_size"], len(sets["train"]))
    return data_of(given.config | {"data": data | {"batch_size": batch}}, sets)


def all_images(given: Given, views: Any) -> dict[str, MapStyle]:
    """All images by the sets that they are in: a folder's photos in any layout, or train, val and bank.

    Raises:
        ConfigError: as for `evaluation_data`.
    """
    if given.root is None:
        sets = assemble_sets(given.config)
    else:
        with refused("data"):
            sets = {"train": all_photos(given.root, _labels(given.config["data"]))}
    check_channels(sets, views, given)
    return sets


def _labels(data: Mapping[str, Any]) -> bool | None:
    labels = data.get("labels")
    if labels not in (None, True, False):
        raise ConfigError(f"data.labels is {shown(labels)}; accepted: true, false, null")
    return labels


def check_channels(sets: Mapping[str, MapStyle], views: Any, given: Given) -> None:
    """Refuse images in memory with other channels than the network; photos become grey or colour as needed.

    Raises:
        ConfigError: says which both have.
    """
    wanted = channels_of(views)
    for name, part in sets.items():
        if wanted is not None and isinstance(part, TensorImages) and part.images.shape[1] != wanted:
            raise ConfigError(
                f"the images of {given.name} (data.{name}) have {_channels(part.images.shape[1])}, but the "
                f"network of the run takes {_channels(wanted)}; accepted: as many, or a folder of "
                "photos, which are converted"
            )


def _channels(number: int) -> str:
    return f"{number} channel{'s' if number > 1 else ''}"


def _composed(overrides: Sequence[str]) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(conf_folder(), version_base="1.3"):
        cfg = compose("train", overrides=list(overrides))
    check_effect(OmegaConf.masked_copy(cfg, ["data"]), overrides)
    config = resolved(cfg)
    _check_numbers(config["data"])
    return config


def _check_numbers(data: Mapping[str, Any]) -> None:
    """Refuse a number below `data` that is none, or too small: here no data module is built that does."""
    for name, least in LEAST.items():
        number = data.get(name, least)
        if type(number) is not int or number < least:
            raise ConfigError(f"data.{name} is {shown(number)}; accepted: a whole number from {least}")
