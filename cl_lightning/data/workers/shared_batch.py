"""A batch in memory that two processes share."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import torch
from torch import Tensor

from cl_lightning.data.batch import Batch
from cl_lightning.data.workers.advice import MORE_FILES, MORE_MEMORY, too_many_files
from cl_lightning.interruption import WorkerError

SHARED_MEMORY = Path("/dev/shm")
NUMBERS = 2 * 8  # bytes of an image's index and label
MB = 10**6


class Layout(NamedTuple):
    """How a batch and the list of its broken files lie in one block of memory.

    `images` is the shape of the batch's images, `broken` the size of the list in bytes.
    """

    images: tuple[int, ...]
    broken: int

    @property
    def size(self) -> int:
        """Bytes of the block."""
        return batch_bytes(self.images) + self.broken

    def parts(self, block: Tensor) -> tuple[Batch, Tensor]:
        """The batch and the list of its broken files as bytes, both views of the block."""
        start, end = self.images[0] * NUMBERS, batch_bytes(self.images)
        index, labels = block[:start].view(torch.int64).chunk(2)
        return Batch(block[start:end].view(self.images), index, labels), block[end:]


def batch_bytes(images: Sequence[int]) -> int:
    """Bytes of memory of a batch whose images have this shape."""
    return torch.Size(images).numel() + images[0] * NUMBERS


def share(
    images: Sequence[Tensor], index: Sequence[int], labels: Sequence[int], broken: dict[str, str]
) -> tuple[Layout, IO[bytes]]:
    """Put a batch into a new block of memory. Returns its layout and its file, which has no name.

    Raises:
        WorkerError: no memory is left, or no more files can be opened; says what to change.
    """
    listed = json.dumps(broken).encode() if broken else b""
    layout = Layout((len(images), *images[0].shape), len(listed))
    try:
        file = _allocated(layout.size)
        batch, rest = layout.parts(_mapped(file.fileno(), layout.size))
    except (OSError, RuntimeError) as error:
        raise WorkerError(not_shared(layout.size, error)) from error
    torch.stack(tuple(images), out=batch.images)
    batch.index.copy_(torch.tensor(index))
    batch.labels.copy_(torch.tensor(labels))
    rest.numpy()[:] = bytearray(listed)
    return layout, file


def opened(layout: Layout, file: int) -> tuple[Batch, dict[str, str]]:
    """The batch that another process has put into a block. The memory is freed with the last of its tensors.

    Raises:
        WorkerError: this process can open no more files; says what to change.
    """
    try:
        batch, broken = layout.parts(_mapped(file, layout.size))
    except (OSError, RuntimeError) as error:
        raise WorkerError(not_shared(layout.size, error)) from error
    return batch, json.loads(bytes(broken.numpy())) if layout.broken else {}


def free_memory() -> int | None:
    """Free bytes of shared memory; None if it has no limit or can't be measured."""
    if not hasattr(os, "statvfs"):  # Windows
        return None
    try:
        room = os.statvfs(SHARED_MEMORY)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize if room.f_blocks else None


def not_shared(size: int, error: Exception) -> str:
    """Why a batch of `size` bytes could not be sent, and what to change."""
    what = f"a batch of {size / MB:,.1f} MB cannot be handed over by a worker"
    if too_many_files(error):
        return f"{what}: too many open files; accepted: {MORE_FILES}"
    free = free_memory()
    there = "" if free is None else f", of which {free / MB:,.1f} MB are free"
    reason = getattr(error, "strerror", None) or error
    return f"{what} in shared memory, {SHARED_MEMORY}{there} ({reason}); accepted: {MORE_MEMORY}"


def _allocated(size: int) -> IO[bytes]:
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    file = tempfile.TemporaryFile(dir=place, buffering=0)  # noqa: SIM115
    try:
        if hasattr(os, "posix_fallocate"):  # without it, writing to full memory would kill the process
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        file.close()
        raise
    return file


def _mapped(file: int, size: int) -> Tensor:
    """The block as a tensor; the file may be closed afterwards."""
    return torch.from_file(f"/dev/fd/{file}", shared=True, size=size, dtype=torch.uint8)
