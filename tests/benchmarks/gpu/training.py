"""Steps of SimCLR on images of CIFAR-10's size: by our Trainer, by a plain loop, and by lightly's script.

All with bf16-mixed, the same network and random images. A rate is that of a long run less a short one, so
that starts do not count.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.v2.functional import to_pil_image

from cl_lightning import SimCLR
from cl_lightning.data import ContrastiveData
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.losses import nt_xent
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import simclr_views
from cl_lightning.runs.assemble import assemble_callbacks
from tests import small
from tests.benchmarks.gpu.clock import Attempts, wait
from tests.benchmarks.gpu.sizes import SIZES, Sizes
from tests.benchmarks.measured import Row

TEMPERATURE = 0.2
Train = Callable[[Sizes, int, int], None]  # a batch, and so many steps of it


def measure(size: str) -> Iterator[Row]:
    torch.backends.cudnn.benchmark = True
    sizes, attempts = SIZES[size], Attempts()
    for batch in sizes.batches:
        rates = {"ours": rate(ours, sizes, batch), "plain loop": rate(plain, sizes, batch)}
        for workers in sizes.workers if batch == sizes.batches[0] else ():
            with attempts.at(f"lightly with {workers} workers"):
                rates[f"lightly, {workers} workers"] = rate(lightlys(workers), sizes, batch)
        work = f"SimCLR of ResNet-18, {batch} images a step"
        yield Row(work, "views/s", rates.pop("ours"), rates, high_is_better=True)
    attempts.end()


def rate(train: Train, sizes: Sizes, batch: int) -> float:
    """Views a second."""
    times = []
    train(sizes, batch, sizes.steps[0])  # warms up
    for steps in sizes.steps:
        begun = time.perf_counter()
        train(sizes, batch, steps)
        wait(sizes.device)
        times.append(time.perf_counter() - begun)
    few, many = sizes.steps
    return 2 * batch * (many - few) / max(times[1] - times[0], 1e-9)


def ours(sizes: Sizes, batch: int, steps: int) -> None:
    """With the callbacks of cl-train but its report, its progress and kNN."""
    side = sizes.side(32)
    method = SimCLR(simclr_views(side, blur=0.0), sizes.encoder(18), schedule=WarmupCosine(lr_scaling="none"))
    method.default_callbacks.clear()
    with tempfile.TemporaryDirectory() as folder:
        config = small.config(*(f"callbacks.{name}=null" for name in ("start_report", "progress", "knn")))
        trainer = Trainer(
            max_steps=steps,
            accelerator="gpu" if sizes.device == "cuda" else "cpu",
            devices=1,
            precision="bf16-mixed",
            callbacks=assemble_callbacks(config, Path(folder)),
            logger=False,
            limit_val_batches=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=folder,
        )
        trainer.fit(method, ContrastiveData(random_images(side, batch * steps), batch_size=batch))


def plain(sizes: Sizes, batch: int, steps: int) -> None:
    """The same step in a `for` over tensors on the device."""
    side = sizes.side(32)
    network, views = sizes.encoder(18), simclr_views(side, blur=0.0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    images = random_images(side, batch * steps).on(torch.device(sizes.device))[0]
    for index in torch.randperm(len(images), device=sizes.device).split(batch):
        both = torch.cat(views(images[index], index, 0))
        step(network, optimizer, both, sizes.device, lambda z: nt_xent(*z.chunk(2), TEMPERATURE))


def lightlys(workers: int) -> Train:
    """A loop as in lightly's benchmark of CIFAR-10."""

    def train(sizes: Sizes, batch: int, steps: int) -> None:
        from lightly.loss import NTXentLoss  # a peer, no dependency
        from lightly.transforms import SimCLRTransform

        side = sizes.side(32)
        pictures = Pictures(side, batch * steps, SimCLRTransform(input_size=side, gaussian_blur=0.0))
        settings = {"shuffle": True, "drop_last": True, "pin_memory": sizes.device == "cuda"}
        loader = DataLoader(pictures, batch, num_workers=workers, **settings)
        network, loss = sizes.encoder(18), NTXentLoss(TEMPERATURE)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
        for views in loader:
            both = torch.cat(views).to(sizes.device, non_blocking=True)
            step(network, optimizer, both, sizes.device, lambda z: loss(*z.chunk(2)))

    return train


class Pictures(Dataset):
    """Random PIL images, each as the views of a transform."""

    def __init__(self, side: int, count: int, transform: Callable[[Any], list[Any]]) -> None:
        self.images, self.transform = random_images(side, count).images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> list[Any]:
        return self.transform(to_pil_image(self.images[index]))


def step(network: Any, optimizer: Any, both: Any, device: str, loss: Callable[[Any], Any]) -> None:
    optimizer.zero_grad()
    with torch.autocast(device, torch.bfloat16):
        z = network(both)
    loss(z.float()).backward()
    optimizer.step()


def random_images(side: int, count: int) -> TensorImages:
    return TensorImages(torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8))
