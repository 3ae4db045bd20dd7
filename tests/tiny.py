"""A method, data and Trainer small enough to train a few steps within a second."""

from functools import partial
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.callbacks.support_set import SupportSet
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, SmallConvNet
from cl_lightning.methods import NNCLR, MoCoV2, SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views

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
