"""How cost grows with the batch, the queue, the side of the images and their number, in CPU time."""

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional as F

from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.losses import info_nce, nt_xent
from cl_lightning.metrics import KNNAccuracy
from cl_lightning.pairs import simclr_views
from tests import small
from tests.benchmarks.interleaved import Work, medians
from tests.benchmarks.losses_against_peers import DIM, TEMPERATURE, forward_and_backward
from tests.benchmarks.measured import CPU_MS, Growth

SECONDS = 8.0  # of each growth
SIDE = 8  # of the images of a whole epoch


def measure() -> Iterator[Growth]:
    yield growth("nt_xent", "pairs in the batch", (256, 512, 1024, 2048, 4096), loss_of_pairs)
    yield growth("views of 32 pixels, no blur", "images in the batch", (16, 64, 256, 1024), views_of_batch)
    yield growth("a SimCLR step", "images in the batch", (32, 64, 128, 256), step_of_batch)
    yield growth("info_nce of 64 queries", "keys in the queue", (4096, 16384, 65536, 262144), loss_of_queue)
    yield growth("views of 8 images, blur", "side in pixels", (32, 64, 128, 256), views_of_side)
    yield growth("an epoch of a tiny network", "images", (512, 2048, 8192), epoch_of_images)
    yield growth("kNN accuracy, as many queries", "images in the bank", (1024, 2048, 4096, 8192), knn_of_bank)


def growth(work: str, by: str, sizes: tuple[int, ...], make: Callable[[int], Work]) -> Growth:
    """All sizes in turn."""
    found = medians({str(size): make(size) for size in sizes}, SECONDS)
    return Growth(work, CPU_MS, by, {int(size): 1000 * seconds for size, seconds in found.items()})


def loss_of_pairs(pairs: int) -> Work:
    inputs = [torch.randn(pairs, DIM, requires_grad=True) for _ in range(2)]
    return forward_and_backward(lambda a, b: nt_xent(a, b, TEMPERATURE), *inputs)


def loss_of_queue(length: int) -> Work:
    queries = torch.randn(64, DIM, requires_grad=True)
    keys, queue = (F.normalize(torch.randn(rows, DIM), dim=1) for rows in (64, length))
    return forward_and_backward(lambda q: info_nce(q, keys, queue, TEMPERATURE, unit_keys=True), queries)


def views_of_batch(batch: int) -> Work:
    views, images = simclr_views(32, blur=0.0), torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8)
    return lambda: views(images, torch.arange(batch), 0)


def views_of_side(side: int) -> Work:
    views, images = simclr_views(side), torch.randint(0, 256, (8, 3, side, side), dtype=torch.uint8)
    return lambda: views(images, torch.arange(8), 0)


def step_of_batch(batch: int) -> Work:
    """Views, small network, loss and backward."""
    encoder, views = small.encoder(), simclr_views(32, blur=0.0)
    images = torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8)

    def work() -> None:
        both = encoder(torch.cat(views(images, torch.arange(batch), 0)))
        nt_xent(*both.chunk(2), TEMPERATURE).backward()

    return work


def epoch_of_images(count: int) -> Work:
    """By the Trainer, from the order of the images to the end of the epoch; the start is part of it."""
    data = ContrastiveData(synthetic("train", images=count, size=SIDE), batch_size=64)
    return lambda: small.trainer().fit(small.simclr(), data)


def knn_of_bank(length: int) -> Work:
    bank, queries = torch.randn(2, length, DIM).unbind()
    labels = torch.arange(length) % 10

    def work() -> None:
        metric = KNNAccuracy(k=200)
        metric.add_to_bank(bank, labels)
        metric.update(queries, labels)
        metric.compute()

    return work
