"""Time and added memory of nt_xent beside lightly's and the whole matrix, by the number of pairs."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses import nt_xent
from tests.benchmarks.gpu.clock import Attempts, added_mebibytes, seconds
from tests.benchmarks.gpu.sizes import SIZES
from tests.benchmarks.losses_against_peers import DIM, TEMPERATURE, check, forward_and_backward
from tests.benchmarks.measured import MIB, Row

Loss = Callable[..., Tensor]


def measure(size: str) -> Iterator[Row]:
    from lightly.loss import NTXentLoss  # a peer, no dependency

    sizes, attempts = SIZES[size], Attempts()
    losses: dict[str, Loss] = {"ours": ours, "lightly": NTXentLoss(TEMPERATURE), "whole matrix": whole_matrix}
    for pairs in sizes.pairs:
        inputs = [torch.randn(pairs, DIM, device=sizes.device, requires_grad=True) for _ in range(2)]
        times: dict[str, float] = {}
        memory: dict[str, float] = {}
        for name, loss in losses.items():
            if name != "ours" and pairs > sizes.matrix:
                continue  # its matrices do not fit
            with attempts.at(f"{name}, N = {pairs:,}"):
                check(f"nt_xent of {pairs} pairs", ours, name, loss, *inputs)
                work = forward_and_backward(loss, *inputs)
                times[name] = 1000 * seconds(work, sizes.device, sizes.repeats)
                added = added_mebibytes(work, sizes.device)
                if added is not None:
                    memory[name] = added
        for unit, found in (("ms", times), (MIB, memory)):
            if "ours" in found:
                yield Row(f"nt_xent, N = {pairs:,}", unit, found.pop("ours"), found)
    attempts.end()


def ours(z_a: Tensor, z_b: Tensor) -> Tensor:
    return nt_xent(z_a, z_b, TEMPERATURE)


def whole_matrix(z_a: Tensor, z_b: Tensor) -> Tensor:
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(z_a)))
