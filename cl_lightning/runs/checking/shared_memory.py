"""Whether the batches that workers read ahead fit into shared memory."""

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

IN_USE = 2  # batches of a loader that its process holds: that of the step, and the next one
GB = 10**9


def check_shared_memory(
    method: ContrastiveModule, data: ContrastiveData, images: Mapping[str, Tensor], trainer: Trainer
) -> None:
    """Compare what is free with what the workers of all processes of this machine may fill.

    Args:
        images: one of each set, by the name of the set.

    Raises:
        ConfigError: not even one batch for each worker fits. Where they fit, but not all that may be read
            ahead, that is told.
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
    words = (
        f"{workers} workers may fill {most / MB:,.1f} MB of shared memory with batches of up to "
        f"{max(sizes) / MB:,.1f} MB, but {SHARED_MEMORY} has {free / MB:,.1f} MB free"
    )
    accepted = f"accepted: {', '.join(remedies(data.batch_size, trainer.world_size, most, free))}"
    if workers * max(sizes) > free:
        raise ConfigError(f"{words}; {accepted}")
    if trainer.is_global_zero:
        warnings.warn(f"{words}: the run may end with an error for lack of it; {accepted}", stacklevel=2)


def spare_shared_memory(data: ContrastiveData, views: Any) -> None:
    """Have an evaluation read its images without workers where theirs may not all fit, and tell so.

    Its numbers are the same, and nobody who evaluates a run can change its `data.num_workers`.
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
            f"has {free / MB:,.1f} MB free: images are read without workers; more of it is faster (docker "
            f"run --shm-size={ceil(1.1 * most / GB)}g)",
            stacklevel=2,
        )
        data.num_workers = 0


def loaded(
    method: ContrastiveModule, data: ContrastiveData, images: Mapping[str, Tensor]
) -> Iterator[Tensor]:
    """What the workers of each loader make of an image."""
    crops, cut = training_crops(method.views), middle(method.views)
    loaders = [("train", crops), *([("val", cut), ("bank", cut)] if data.val is not None else [])]
    for name, transform in loaders:
        if not isinstance(getattr(data, name), TensorImages):
            yield images[name] if transform is None else transform(images[name], 0, 0)


def remedies(batch_size: int, world_size: int, most: int, free: int) -> Iterator[str]:
    """What makes all fit, in the words that one types."""
    yield "data.num_workers=0"
    fitting = free * batch_size // most // world_size * world_size
    if fitting >= 2 * world_size:
        yield f"a data.batch_size of at most {fitting}"
    yield f"or more shared memory (docker run --shm-size={ceil(1.1 * most / GB)}g)"
