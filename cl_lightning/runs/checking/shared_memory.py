"""Checks that the batches of the workers fit into shared memory."""

import warnings
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import ContrastiveData, TensorImages, image_and_label
from cl_lightning.data.channels import channels_of, in_channels
from cl_lightning.data.transforms import middle, training_crops
from cl_lightning.data.workers.shared_batch import MB, SHARED_MEMORY, batch_bytes, free_memory
from cl_lightning.data.workers.worker import AHEAD
from cl_lightning.methods.contrastive import ContrastiveModule

IN_USE = 2  # batches that a loader's process holds: the current and the next one
GB = 10**9


def check_shared_memory(
    method: ContrastiveModule, data: ContrastiveData, images: Mapping[str, Tensor], trainer: Trainer
) -> None:
    """Compare the free shared memory with what the workers of all processes on this machine may fill.

    Warns if one batch of each worker fits, but not all batches that are read in advance.

    Args:
        images: one image of each data set, by the name of the set.

    Raises:
        ConfigError: not even one batch of each worker fits.
    """
    local = data.batch_size // trainer.world_size
    sizes = [batch_bytes((local, *image.shape)) for image in loaded(method, data, images)]
    free = free_memory()
    if not data.num_workers or not sizes or free is None:
        return
    processes = trainer.world_size // trainer.num_nodes
    workers = processes * data.num_workers
    most = sum(sizes) * (workers * AHEAD + processes * IN_USE)
    if most <= free:
        return
    what = (
        f"{workers} workers may fill {most / MB:,.1f} MB of shared memory with batches of up to "
        f"{max(sizes) / MB:,.1f} MB, but {SHARED_MEMORY} has {free / MB:,.1f} MB free"
    )
    accepted = f"accepted: {', '.join(remedies(data.batch_size, trainer.world_size, most, free))}"
    if workers * max(sizes) > free:
        raise ConfigError(f"{what}; {accepted}")
    if trainer.is_global_zero:
        warnings.warn(f"{what}: the run may end with an error when it is full; {accepted}", stacklevel=2)


def spare_shared_memory(data: ContrastiveData, views: Any) -> None:
    """Make an evaluation read its images without workers, with a warning, if their batches may not fit.

    The results are the same, and a user who evaluates a run can't change its `data.num_workers`.
    """
    free = free_memory()
    if not data.num_workers or free is None:
        return
    cut, channels, sizes = middle(views), channels_of(views), []
    for part in (data.val, data.bank):
        if part is not None and not isinstance(part, TensorImages):
            image = in_channels(image_and_label(part[0])[0], channels)
            image = image if cut is None else cut(image, 0, 0)
            sizes.append(batch_bytes((data.batch_size, *image.shape)))
    most = sum(sizes) * (data.num_workers * AHEAD + IN_USE)
    if most > free:
        warnings.warn(
            f"{data.num_workers} workers may fill {most / MB:,.1f} MB of shared memory, but {SHARED_MEMORY} "
            f"has {free / MB:,.1f} MB free: images are read without workers; with more shared memory "
            f"(docker run --shm-size={ceil(1.1 * most / GB)}g) it is faster",
            stacklevel=2,
        )
        data.num_workers = 0


def loaded(
    method: ContrastiveModule, data: ContrastiveData, images: Mapping[str, Tensor]
) -> Iterator[Tensor]:
    """For each loader with workers, an image as they transform it."""
    crops, cut = training_crops(method.views), middle(method.views)
    loaders = [("train", crops), *([("val", cut), ("bank", cut)] if data.val is not None else [])]
    for name, transform in loaders:
        if not isinstance(getattr(data, name), TensorImages):
            yield images[name] if transform is None else transform(images[name], 0, 0)


def remedies(batch_size: int, world_size: int, most: int, free: int) -> Iterator[str]:
    """The settings with which all batches fit, as a user would type them."""
    yield "data.num_workers=0"
    fitting = free * batch_size // most // world_size * world_size
    if fitting >= 2 * world_size:
        yield f"a data.batch_size of at most {fitting}"
    yield f"or more shared memory (docker run --shm-size={ceil(1.1 * most / GB)}g)"
