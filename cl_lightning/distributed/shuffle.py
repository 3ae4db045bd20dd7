"""Shuffled key batches (MoCo, arXiv:1911.05722, section 3.3, "Shuffling BN").

BatchNorm's statistics reveal which images share a batch, so a network could solve the contrastive task
without learning features. Therefore keys are grouped in another random order than their queries.
"""

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Int64, Num
from torch import Tensor

from cl_lightning.devices import on_device
from cl_lightning.distributed.ranks import own_share, rank, world_size

# Separates these random numbers from others that are drawn with the same seed and epoch.
STREAM = 0x5B0F


def permutation(length: int, seed: int, epoch: int, batch: int) -> Int64[Tensor, "length"]:
    """A random order of `length` rows: a pure function of its arguments, equal on all ranks.

    `batch` is the number of the batch within its epoch. The result lies on the CPU.
    """
    generator = np.random.default_rng([STREAM, seed, epoch, batch])
    return torch.from_numpy(generator.permutation(length).astype(np.int64, copy=False))


@torch.no_grad()
def shuffle(
    x: Num[Tensor, "batch *shape"], permutation: Int64[Tensor, "global_batch"]
) -> Num[Tensor, "batch *shape"]:
    """This rank's contiguous share of the global batch in the permuted order, without gradient.

    Row i of the permuted global batch is row `permutation[i]` of the global batch. The global batch is the
    batches of all ranks in rank order. Each row is sent only to the rank that needs it.
    """
    ranks, batch = world_size(), len(x)
    assert len(permutation) == ranks * batch, f"{len(permutation)} places for {ranks} x {batch} rows"
    if ranks == 1:
        return x[on_device(permutation, x.device)]
    sources = permutation // batch  # of each place; all ranks know the whole exchange
    received_from = own_share(sources)
    leaving = permutation[sources == rank()] - rank() * batch  # in the order of their places
    destinations = (sources == rank()).nonzero()[:, 0] // batch
    sent = x[on_device(leaving, x.device)].contiguous()
    received = torch.empty_like(sent)
    dist.all_to_all_single(
        received,
        sent,
        received_from.bincount(minlength=ranks).tolist(),
        destinations.bincount(minlength=ranks).tolist(),
    )
    # Rows arrive ordered by source rank; bring them into the permuted order.
    return received[on_device(received_from.argsort(stable=True).argsort(), x.device)]
