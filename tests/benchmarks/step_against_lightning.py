"""What Lightning adds to a small SimCLR step: this package against stock Trainers and a plain loop.

All train the same network on the same views, with the same loss, optimizer and schedule, and must end with
the same weights:

- `plain loop`: the images in one tensor, a `for` over the batches, no Lightning.
- `bare Trainer`: a stock LightningModule and DataLoader; no logger, progress bar, checkpoint or callback.
- `one self.log`: the same with a CSVLogger, and `self.log("loss", loss)` in each step.
- `cl_lightning`: SimCLR with all callbacks and loggers of `cl-train`. They report the loss, scores and
  geometry of all embeddings, and look for NaN in every step.

CPU time of one thread. A step costs the difference between two fits of one epoch, one with many steps and one
with few, so that start and end do not count. All in turn; medians.
"""

import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from os import devnull
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from cl_lightning import SimCLR
from cl_lightning.data import ContrastiveData
from cl_lightning.data.order import EpochOrder
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.encoders import Encoder
from cl_lightning.losses import nt_xent
from cl_lightning.methods.both_views import apart, embedded
from cl_lightning.optim import WarmupCosine, param_groups
from cl_lightning.runs.assemble import assemble_callbacks
from tests import small
from tests.benchmarks.measured import DifferentError, Row

CPU_US = "us of CPU time"
BATCH, SIZE, FEATURES, SEED = 32, 8, 32, 0
FEW, MANY, REPEATS = 50, 450, 7  # steps of the two fits
BARE = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
SCHEDULE = WarmupCosine(lr_scaling="none")

Fit = Callable[[int], list[Tensor]]  # trains so many steps and returns the weights


def measure() -> Iterator[Row]:
    with silence():
        found = microseconds()
    plain = found.pop("plain loop")
    over = {name: step - plain for name, step in found.items()}
    yield Row("a tiny step, over a plain loop", CPU_US, over.pop("cl_lightning"), over)
    yield Row("a tiny step", CPU_US, found["cl_lightning"], {"plain loop": plain})


def microseconds() -> dict[str, float]:
    """Of CPU time of a step, by loop; raises DifferentError unless all end with the plain loop's weights."""
    times: dict[str, list[float]] = {name: [] for name in FITS}
    for _ in range(REPEATS):
        weights = {}
        for name, fit in FITS.items():
            (short, _), (long, weights[name]) = timed(fit, FEW), timed(fit, MANY)
            times[name].append((long - short) / (MANY - FEW) * 1e6)
        for name, found in weights.items():
            check(name, found, weights["plain loop"])
    return {name: statistics.median(found) for name, found in times.items()}


def check(name: str, found: list[Tensor], expected: list[Tensor]) -> None:
    try:
        torch.testing.assert_close(found, expected)
    except AssertionError as error:
        raise DifferentError(f"{name} trains something else than the plain loop: {error}") from error


@contextmanager
def silence() -> Iterator[None]:
    """Without what Trainers and callbacks print, and without Lightning's advice."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with (
        open(devnull, "w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def timed(fit: Fit, steps: int) -> tuple[float, list[Tensor]]:
    start = time.process_time()
    weights = fit(steps)
    return time.process_time() - start, weights


def plain(steps: int) -> list[Tensor]:
    images, network = random_images(steps), encoder()
    optimizer = adamw(param_groups(network))
    schedule = SCHEDULE.attach(optimizer, steps, steps, BATCH)["scheduler"]
    pixels = images.on(torch.device("cpu"))[0]
    for index in EpochOrder(len(images), BATCH, SEED).batches():
        loss = score(network, pixels.index_select(0, index), index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return small.weights(network)


class Stock(LightningModule):
    """The same as a LightningModule for any Trainer."""

    def __init__(self, logs: bool) -> None:
        super().__init__()
        self.encoder, self.logs = encoder(), logs

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        loss = score(self.encoder, *batch)
        if self.logs:
            self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer, steps = adamw(param_groups(self)), int(self.trainer.estimated_stepping_batches)
        return {
            "optimizer": optimizer,
            "lr_scheduler": SCHEDULE.attach(optimizer, steps, steps, BATCH),
        }


def stock(logs: bool, steps: int) -> list[Tensor]:
    images = random_images(steps)
    pixels = images.on(torch.device("cpu"))[0]
    batches = [index.tolist() for index in EpochOrder(len(images), BATCH, SEED).batches()]
    loader = DataLoader(TensorDataset(pixels, torch.arange(len(images))), batch_sampler=batches)
    with tempfile.TemporaryDirectory() as folder:
        settings = BARE | {"logger": CSVLogger(folder)} if logs else BARE
        trainer = Trainer(max_epochs=1, accelerator="cpu", use_distributed_sampler=False, **settings)
        module = Stock(logs)
        trainer.fit(module, loader)
    return small.weights(module.encoder)


def ours(steps: int) -> list[Tensor]:
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_epochs=1,
            accelerator="cpu",
            callbacks=assemble_callbacks(small.config(), Path(folder)),
            logger=[CSVLogger(folder), TensorBoardLogger(folder)],
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=folder,
        )
        method = SimCLR(two_views, encoder(), nt_xent, adamw, SCHEDULE)
        method.default_callbacks.clear()  # as in cl-train: the config has them
        trainer.fit(method, ContrastiveData(random_images(steps), batch_size=BATCH, seed=SEED))
    return small.weights(method.encoder)


def two_views(images: Tensor, index: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
    """An image and its mirror image: views that cost little."""
    pixels = images.float() / 255
    return pixels, pixels.flip(-1)


def score(network: nn.Module, images: Tensor, index: Tensor) -> Tensor:
    return nt_xent(*apart(embedded(network, *two_views(images, index, 0))))


adamw = partial(torch.optim.AdamW, lr=2e-3, fused=True)  # as methods make it, for all loops


def random_images(steps: int) -> TensorImages:
    generator = torch.Generator().manual_seed(SEED)
    pixels = torch.randint(0, 256, (steps * BATCH, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    return TensorImages(pixels)


def encoder() -> Encoder:
    torch.manual_seed(SEED)
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE**2, FEATURES), nn.ReLU())
    return Encoder(backbone, features=FEATURES, out_features=FEATURES, projector_batch_norm=False)


FITS: dict[str, Fit] = {
    "plain loop": plain,
    "bare Trainer": partial(stock, False),
    "one self.log": partial(stock, True),
    "cl_lightning": ours,
}
