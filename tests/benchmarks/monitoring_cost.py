"""What monitoring adds to an epoch of ResNet-18 on images of CIFAR-10's size, in CPU time.

Trains SimCLR and MoCo v2 (queue of 65,536) in turn with and without what watches a run: HealthMonitor,
Throughput, and the contrast scores of the step. Steps and the end of the epoch are timed apart, and put
together to the steps of 50,000 images. Evaluation (kNN) is no part of it: it has an interval of its own,
trainer.check_val_every_n_epoch. Random pixels.

    python tests/benchmarks/monitoring_cost.py                   # batches of 64, about 5 minutes
    python tests/benchmarks/monitoring_cost.py --batch 256 --repeats 5
"""

import argparse
import logging
import statistics
import time
import warnings
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from cl_lightning import MoCoV2, SimCLR
from cl_lightning.callbacks import HealthMonitor, MomentumEncoder, NegativeQueue, Throughput
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.methods import moco, simclr
from cl_lightning.metrics import contrast_scores
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import simclr_views

EPOCH = 50_000
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


def epoch_seconds(name: str, monitored: bool, batch: int, batches: int) -> float:
    """CPU seconds of 50,000 images, from an epoch of `batches` batches."""
    torch.manual_seed(0)
    method = METHODS[name](
        views=simclr_views(32, blur=0.0),
        encoder=Encoder(ResNet(18, stem="cifar")),
        schedule=WarmupCosine(lr_scaling="none"),
    )
    method.default_callbacks.clear()
    callbacks: list[Callback] = [MomentumEncoder(), NegativeQueue()] if name == "moco_v2" else []
    callbacks += [Throughput(), HealthMonitor()] if monitored else []
    for module in (simclr, moco):
        module.contrast_scores = contrast_scores if monitored else lambda *_: {}
    timer = Timer()
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(
        accelerator="cpu", max_epochs=1, callbacks=[*callbacks, timer], **dict.fromkeys(off, False)
    )
    images = synthetic("train", images=batch * batches, size=32)
    trainer.fit(method, datamodule=ContrastiveData(images, batch_size=batch))
    return EPOCH / batch * timer.step + timer.end


def main() -> None:
    """Prints, for each method, the seconds of an epoch without and with monitoring, and the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    print(f"batches of {options.batch}, one thread, CPU seconds of an epoch of {EPOCH:,} images")
    for name in METHODS:
        pairs = [
            [epoch_seconds(name, monitored, options.batch, options.batches) for monitored in (False, True)]
            for _ in range(options.repeats)
        ]
        without, watched = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        print(
            f"{name:8} {without:8.1f} without {watched:8.1f} with monitoring, ratio {ratio:.4f}", flush=True
        )


if __name__ == "__main__":
    main()
