"""Configs as the command line composes them, and small enough to train in a second."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from cl_lightning.commands import conf_folder, resolved

CONF = Path(conf_folder())
OPTIONS = [
    (folder.name, file.stem)
    for folder in sorted(CONF.iterdir())
    if folder.is_dir()
    for file in sorted(folder.glob("*.yaml"))
]
SMALL = (
    "data=synthetic",
    "data.size=8",
    "data.batch_size=8",
    "data.train.images=16",
    "data.val.images=8",
    "encoder=small_conv_net",
    "encoder.backbone.widths=[4,8]",
    "encoder.backbone.strides=[2,2]",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "schedule.warmup_epochs=0",
    "callbacks.knn.k=4",
    "logger=csv",
)
SMALL_MOCO = ("method=moco_v2", "callbacks.negative_queue.length=16", "encoder.batch_norm_groups=2")

SMALL_NNCLR = (
    *("method=nnclr", "callbacks.support_set.length=16", "encoder.hidden_features=16"),
    *("encoder.out_features=8", "method.predictor_features=16"),
)


def composed(*overrides: str) -> DictConfig:
    return copy.deepcopy(_composed(overrides))


@cache
def _composed(overrides: tuple[str, ...]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=list(overrides))


def config(*overrides: str) -> dict[str, Any]:
    """The resolved config of `cl-train *overrides`."""
    return resolved(composed(*overrides))


def synthetic_data(config: dict[str, Any]) -> None:
    """Put made-up images of the config's size in the place of its data set."""
    images = {name: config["data"][name] for name in ("size", "channels")} | {"classes": 2}
    target = "cl_lightning.data.synthetic"
    config["data"] |= {"batch_size": 8, "num_workers": 0, "bank": None}
    config["data"]["train"] = {"_target_": target, "split": "train", "images": 16, **images}
    config["data"]["val"] = {"_target_": target, "split": "val", "images": 8, **images}
