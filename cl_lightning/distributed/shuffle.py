"""Shuffled key batches (MoCo, arXiv:1911.05722, section 3.3, "Shuffling BN").

BatchNorm's statistics tell which images share a batch, which lets a network solve the contrastive task
without looking. So the keys are grouped in another random order than their queries.
"""

import numpy as np
import torch
from jaxtyping import Int64, Num
from torch import Tensor

from cl_lightning.distributed.gather import gather
from cl_lightning.distributed.ranks import rank, world_size

# Keeps this stream of random numbers apart from others that are drawn from the same seed and epoch.
STREAM = 0x5B0F


def permutation(length: int, seed: int, epoch: int, batch: int) -> Int64[Tensor, "length"]:
    """A random order of `length` rows: a pure function of its arguments, equal on all ranks.

    `batch` is the number of the batch within its epoch. The result lies on the CPU.
    """
    generator = np.random.default_rng([STREAM, seed, epoch, batch])
    return torch.from_numpy(generator.permutation(length).astype(np.int64, copy=False))


def shuffle(
    x: Num[Tensor, "batch *shape"], permutation: Int64[Tensor, "global_batch"]
) -> Num[Tensor, "batch *shape"]:
    """This rank's contiguous share of the global batch in the permuted order.

    Row i of the permuted global batch is row `permutation[i]` of the global batch, which is the batches of
    all ranks in rank order.
    """
    return _own_share(x, permutation)


def unshuffle(
    keys: Num[Tensor, "batch *shape"], permutation: Int64[Tensor, "global_batch"]
) -> Num[Tensor, "batch *shape"]:
    """Undoes `shuffle`: this rank's share of the keys, in the order of its images."""
    return _own_share(keys, permutation.argsort())


def _own_share(x: Tensor, order: Tensor) -> Tensor:
    assert len(order) == world_size() * len(x), f"{len(order)} places for {world_size()} x {len(x)} rows"
    own = order[rank() * len(x) : (rank() + 1) * len(x)]
    # One index for each row of this rank; the copy to a GPU does not wait.
    return gather(x)[own.to(x.device, non_blocking=True)]
