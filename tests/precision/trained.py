"""A short run on close views for each method and precision, trained once for all promises."""

import functools
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor

from cl_lightning.callbacks import MomentumEncoder, NegativeQueue
from cl_lightning.losses import info_nce, nt_xent
from cl_lightning.pairs import simclr_views
from tests import small

PRECISIONS = ("32", "bf16-mixed", "16-mixed", "bf16-true", "64")
TEMPERATURE = 0.1
LOSSES = {"simclr": nt_xent, "moco": info_nce}
LEARNING_RATES = {"simclr": 0.1, "moco": 0.01}
close_views = simclr_views(
    small.SIZE,
    crop_scale=(0.98, 1),
    crop_ratio=(1, 1),
    flip=0,
    jitter=(0.02, 0.02, 0.02, 0),
    greyscale=0,
    blur=0,
)

both_methods = pytest.mark.parametrize("method", LOSSES)
every_precision = pytest.mark.parametrize("precision", PRECISIONS)
on_cpu_and_gpu = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])


def fp16(device: str, init_scale: float = 1024, **settings: Any) -> MixedPrecision:
    """16-mixed as on a GPU; on a CPU Lightning would take bfloat16 in its place."""
    return MixedPrecision("16-mixed", device, torch.amp.GradScaler(device, init_scale, **settings))


def trainer(precision: str, device: str, *callbacks: Callback, **settings: Any) -> Any:
    """That of `small`, which trains in `precision`."""
    chosen = {"plugins": [fp16(device)]} if precision == "16-mixed" else {"precision": precision}
    return small.trainer(*callbacks, accelerator=device, **chosen, **settings)


@dataclass
class Step:
    """What a step's loss was made of: embeddings and, for MoCo, the queue as it was."""

    z_a: Tensor
    z_b: Tensor
    queue: Tensor | None
    loss: Tensor


class Recorder(Callback):
    """Keeps every step, and the images that the encoders saw."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.images: list[Tensor] = []

    def on_train_start(self, trainer, pl_module) -> None:
        self.queue = next((c for c in trainer.callbacks if isinstance(c, NegativeQueue)), None)
        pl_module.encoder.register_forward_pre_hook(lambda _, inputs: self.images.append(inputs[0]))

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.negatives = None if self.queue is None else self.queue.keys.clone()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        loss = outputs["loss"].clone()
        self.steps.append(Step(outputs["z_a"], outputs["z_b"], self.negatives, loss))


@dataclass
class Run:
    """What is left of a run."""

    trainer: Any
    method: Any
    steps: list[Step]
    images: list[Tensor]
    momentum_encoder: MomentumEncoder | None


@functools.cache
def trained(method: str, precision: str, device: str) -> Run:
    """Forty steps of sixteen images."""
    optimizer = partial(torch.optim.SGD, lr=LEARNING_RATES[method], momentum=0.9)
    module = getattr(small, method)(optimizer=optimizer)
    module.views = close_views
    module.loss = partial(LOSSES[method], temperature=TEMPERATURE)
    recorder, own = Recorder(), small.moco_callbacks(momentum=0.5) if method == "moco" else []
    fit = trainer(precision, device, *own, recorder, max_epochs=10)
    fit.fit(module, datamodule=small.data())
    return Run(fit, module, recorder.steps, recorder.images, own[0] if own else None)
