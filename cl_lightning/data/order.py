"""Which images a process sees, and in which order."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from cl_lightning.devices import on_device


@runtime_checkable
class Order(Protocol):
    """What a loader needs: the batches of this process in an epoch, as numbers of images, and how many."""

    epoch: int
    first: int

    def __len__(self) -> int: ...

    def batches(self, device: torch.device | str = "cpu") -> tuple[Int64[Tensor, " local_batch"], ...]: ...


class EpochOrder:
    """Batches of an epoch: a permutation of (seed, epoch), cut into full global batches without the rest.

    Process `rank` of `world_size` takes the rank-th contiguous part of each global batch, so that all
    processes together see exactly what one process would see. `max_batches` ends the epoch earlier. A resumed
    run sets `first`: the next epoch begins with this batch, later epochs with batch 0.
    Raises ValueError when the number of processes does not divide the batch size, or the batch size is larger
    than the data.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        max_batches: int | None = None,
    ) -> None:
        check(length, batch_size, seed, world_size)
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.world_size = rank, world_size
        full = length // batch_size
        self.steps = full if max_batches is None else min(full, max_batches)
        self.epoch = self.first = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def batches(self, device: torch.device | str = "cpu") -> tuple[Int64[Tensor, " local_batch"], ...]:
        """This process's part of every remaining batch of the epoch, all moved to `device` together."""
        mixed = int(np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0])
        permutation = torch.randperm(self.length, generator=torch.Generator().manual_seed(mixed))
        parts = permutation[: len(self) * self.batch_size].view(len(self), self.world_size, -1)
        first, self.first = self.first, 0
        return on_device(parts[first:, self.rank], torch.device(device)).unbind(0)


class EvaluationOrder:
    """Every image exactly once over all processes, in order: rank r has the r-th contiguous share.

    Shares may differ by one image. `batch_size` counts the images of all processes, as in training.
    """

    epoch = first = 0  # the order does not depend on them

    def __init__(self, length: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        self.start, self.stop = (length * part // world_size for part in (rank, rank + 1))
        self.local_batch = max(1, batch_size // world_size)

    def __len__(self) -> int:
        return -(-(self.stop - self.start) // self.local_batch)

    def batches(self, device: torch.device | str = "cpu") -> tuple[Int64[Tensor, " local_batch"], ...]:
        """This process's batches; the last one may be smaller."""
        starts = range(self.start, self.stop, self.local_batch)
        return tuple(torch.arange(a, min(a + self.local_batch, self.stop), device=device) for a in starts)


def check(length: int, batch_size: int, seed: int, world_size: int) -> None:
    """Raises ValueError for numbers from which no training batches can be made."""
    if not 1 <= batch_size <= length:
        raise ValueError(
            f"data.batch_size={batch_size} with {length:,} training images; accepted: 1 to {length:,}. "
            "Change data.batch_size."
        )
    if batch_size % world_size:
        below = batch_size - batch_size % world_size
        near = [size for size in (below, below + world_size) if 1 <= size <= length]
        raise ValueError(
            f"data.batch_size={batch_size} cannot be shared by {world_size} processes; accepted: "
            f"multiples of {world_size}, such as {' or '.join(map(str, near))}. Change data.batch_size."
        )
    if seed < 0:
        raise ValueError(f"seed={seed}; accepted: 0 or more. Change seed.")
