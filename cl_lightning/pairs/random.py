"""Counter-based random numbers: the same (seed, epoch, image index, view) always gives the same numbers."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from cl_lightning.pairs.operation import on_cpu

MASK = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
NUMBERS_PER_BLOCK = 4


def philox(counter: tuple[Tensor, Tensor, Tensor, Tensor], key: tuple[int, int]) -> Int64[Tensor, "*shape 4"]:
    """Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

    `counter` holds four int64 tensors that broadcast, with values below 2^32; `key` holds two such numbers.
    Returns four 32-bit numbers for each counter. Uses only integer arithmetic in int64: a product of more
    than 63 bits wraps around and keeps the 64 bits needed, so that every device gives the same numbers.
    """
    if on_cpu(counter[0]):  # NumPy takes a third of torch's time for few numbers
        with np.errstate(over="ignore"):  # a product may wrap around
            arrays = _rounds(tuple(part.numpy() for part in counter), key)
        return torch.from_numpy(np.stack(np.broadcast_arrays(*arrays), axis=-1))
    return torch.stack(torch.broadcast_tensors(*_rounds(counter, key)), dim=-1)


def _rounds(counter: tuple[Any, ...], key: tuple[int, int]) -> tuple[Any, ...]:
    """Philox' rounds on tensors or NumPy arrays."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) ^ c1 ^ k0) & MASK,
            p1 & MASK,
            ((p0 >> 32) ^ c3 ^ k1) & MASK,
            p0 & MASK,
        )
        k0, k1 = (k0 + KEY_STEPS[0]) & MASK, (k1 + KEY_STEPS[1]) & MASK
    return c0, c1, c2, c3


def uniforms(
    seed: int, epoch: int, index: Int64[Tensor, " batch"], draws: dict[int, int]
) -> dict[int, Float64[Tensor, "2 batch _"]]:
    """Uniform numbers in [0, 1) for both views of every image; `draws` says how many for each stream.

    Key: the 64-bit seed. Counter: (stream and block of four draws, view, epoch, index), each of 32 bits; a
    larger epoch or index wraps around. A stream's numbers do not depend on the other streams.
    """
    device = index.device
    blocks = [-(-count // NUMBERS_PER_BLOCK) for count in draws.values()]
    starts = zip(draws, blocks, strict=True)
    block = torch.cat([torch.arange(count, device=device) + (stream << 16) for stream, count in starts])
    view = torch.arange(2, device=device)[:, None, None]
    constant = torch.full_like(view, epoch & MASK)
    counter = (block, view, constant, (index & MASK)[:, None])
    numbers = philox(counter, (seed & MASK, seed >> 32))
    # 24 bits, as in torch.rand
    fractions = (numbers >> 8).to(torch.float64) * 2.0**-24
    parts = fractions.split(blocks, dim=2)
    return {stream: part.flatten(2)[..., : draws[stream]] for stream, part in zip(draws, parts, strict=True)}
