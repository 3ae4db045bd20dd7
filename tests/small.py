"""Methods, data, Trainers and configs that are small enough to train a few steps within a second."""

import copy
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Trainer
from omegaconf import DictConfig
from torch import nn

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.commands import conf_folder, resolved
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.methods import NNCLR, MoCoV2, SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views

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

SIZE = 8
sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=1e-4)


def encoder(**settings: Any) -> Encoder:
    torch.manual_seed(0)
    backbone = SmallConvNet(widths=(8, 16), strides=(2, 2), channels=3)
    return Encoder(backbone, hidden_features=16, out_features=8, **settings)


def data(images: int = 64, batch_size: int = 16, **settings: Any) -> ContrastiveData:
    train = synthetic("train", images=images, size=SIZE)
    return ContrastiveData(train, synthetic("val", images=32, size=SIZE), batch_size=batch_size, **settings)


def moco(batch_norm: str = "sync", groups: int = 1, **settings: Any) -> MoCoV2:
    parts = {"encoder": encoder(batch_norm=batch_norm, batch_norm_groups=groups), "optimizer": sgd} | settings
    return MoCoV2(views=moco_v2_views(SIZE), **({"schedule": WarmupCosine(lr_scaling="none")} | parts))


def simclr(batch_norm: str = "sync", groups: int = 1, **settings: Any) -> SimCLR:
    parts = {"encoder": encoder(batch_norm=batch_norm, batch_norm_groups=groups), "optimizer": sgd} | settings
    return SimCLR(views=moco_v2_views(SIZE), **({"schedule": WarmupCosine(lr_scaling="none")} | parts))


def nnclr(batch_norm: str = "sync", groups: int = 1, length: int = 40, **settings: Any) -> NNCLR:
    """With a support set of this length, unless the Trainer has one."""
    own = encoder(batch_norm=batch_norm, batch_norm_groups=groups, output_batch_norm=True)
    parts = {"encoder": own, "optimizer": sgd, "predictor_features": 16} | settings
    method = NNCLR(views=moco_v2_views(SIZE), **({"schedule": WarmupCosine(lr_scaling="none")} | parts))
    method.default_callbacks[-1] = SupportSet(length)
    return method


def moco_callbacks(momentum: float = 0.9, length: int = 40, **settings: Any) -> list[Any]:
    return [MomentumEncoder(momentum, **settings), NegativeQueue(length)]


def trainer(*callbacks: Any, max_epochs: int = 1, **settings: Any) -> Trainer:
    quiet = dict.fromkeys(
        ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
    )
    quiet |= {"accelerator": "cpu", "devices": 1, "limit_val_batches": 0, "num_sanity_val_steps": 0}
    return Trainer(callbacks=list(callbacks), max_epochs=max_epochs, **(quiet | settings))


def weights(module: nn.Module) -> list[torch.Tensor]:
    return [p.detach().clone() for p in module.parameters()]


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
