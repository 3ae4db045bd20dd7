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

    python -m tests.benchmarks.step_against_lightning --to results/step.json
"""

import argparse
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
from cl_lightning.runs.cpu import quicken_cpu
from tests import small
from tests.benchmarks import results

BATCH, SIZE, FEATURES, SEED = 32, 8, 32, 0
FEW, MANY, REPEATS = 50, 450, 7  # steps of the two fits
BARE = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
SCHEDULE = WarmupCosine(lr_scaling="none")

Fit = Callable[[int], list[Tensor]]  # trains so many steps and returns the weights


def measure(repeats: int = REPEATS) -> dict[str, dict[str, float]]:
    """Microseconds of CPU time of a step, and those over the plain loop, by loop.

    Raises AssertionError if the loops do not end with the same weights.
    """
    torch.set_num_threads(1)
    quicken_cpu()
    times: dict[str, list[float]] = {name: [] for name in FITS}
    with silence():
        for _ in range(repeats):
            weights = {}
            for name, fit in FITS.items():
                (short, _), (long, weights[name]) = timed(fit, FEW), timed(fit, MANY)
                times[name].append((long - short) / (MANY - FEW) * 1e6)
            for name, found in weights.items():
                torch.testing.assert_close(found, weights["plain loop"], msg=f"{name} trains something else")
    plain = statistics.median(times["plain loop"])
    steps = {name: statistics.median(found) for name, found in times.items()}
    return {name: {"microseconds": step, "over_plain": step - plain} for name, step in steps.items()}


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


adamw = partial(torch.optim.AdamW, lr=2e-3)


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=REPEATS)
    results.add_option(parser)
    options = parser.parse_args()
    rows = measure(options.repeats)
    for name, row in rows.items():
        print(f"{name:14} {row['microseconds']:6.0f} us, {row['over_plain']:+6.0f} over the plain loop")
    results.write(options.to, {"batch": BATCH, "cpu_time": rows}, SEED)


if __name__ == "__main__":
    main()
