"""What monitoring adds to an epoch of ResNet-18 on images of CIFAR-10's size, in CPU time.

Trains SimCLR and MoCo v2 (queue of 65,536) in turn with and without what watches a run: HealthMonitor,
Throughput, and the contrast scores of the step. Steps and the end of the epoch are timed apart, and put
together to the steps of 50,000 images. Evaluation (kNN) is no part of it: it has an interval of its own,
trainer.check_val_every_n_epoch. Random pixels.
"""

import logging
import statistics
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import Callback

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, MomentumEncoder, NegativeQueue, Throughput
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.methods import moco
from cl_lightning.metrics import contrast_scores
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import simclr_views
from tests import small
from tests.benchmarks.measured import CPU_SECONDS, Row

EPOCH = 50_000
BATCH, BATCHES, REPEATS = 64, 3, 3
METHODS: dict[str, Any] = {"simclr": SimCLR, "moco_v2": MoCoV2}


class Timer(Callback):
    """CPU seconds of a step, the first left out, and from the last step to the end of training."""

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            self.start = time.process_time()
        self.last, self.steps = time.process_time(), batch_idx

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self.step = (self.last - self.start) / self.steps
        self.end = time.process_time() - self.last


def measure() -> Iterator[Row]:
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    for name in METHODS:
        pairs = [(epoch_seconds(name, True), epoch_seconds(name, False)) for _ in range(REPEATS)]
        watched, without = (statistics.median(column) for column in zip(*pairs, strict=True))
        work = f"{name}, an epoch of ResNet-18 with monitoring"
        yield Row(work, CPU_SECONDS, watched, {"without": without})


def epoch_seconds(name: str, monitored: bool) -> float:
    """CPU seconds of 50,000 images, from an epoch of a few batches."""
    torch.manual_seed(0)
    method = METHODS[name](
        views=simclr_views(32, blur=0.0),
        encoder=Encoder(ResNet(18, stem="cifar")),
        schedule=WarmupCosine(lr_scaling="none"),
    )
    method.default_callbacks.clear()
    callbacks: list[Callback] = [MomentumEncoder(), NegativeQueue()] if name == "moco_v2" else []
    callbacks += [Throughput(), HealthMonitor()] if monitored else []
    moco.contrast_scores = contrast_scores if monitored else lambda *_, **__: {}
    timer = Timer()
    images = synthetic("train", images=BATCH * BATCHES, size=32)
    small.trainer(*callbacks, timer).fit(method, datamodule=ContrastiveData(images, batch_size=BATCH))
    return EPOCH / BATCH * timer.step + timer.end
