"""CPU time of nt_xent against that of others, and of info_nce against its two whole matrix products.

Forward and backward on one thread; in info_nce only the queries have a gradient. `unit keys` is told that
keys and negatives have unit length, as by MoCo's queue; plain cross-entropy takes it for granted. Freed
memory is kept, as in training.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses import info_nce, nt_xent
from tests.benchmarks.interleaved import Work, medians
from tests.benchmarks.measured import CPU_MS, DifferentError, Row

PAIRS = (64, 256, 512, 1024, 4096, 8192)
QUEUES = ((32, 65536), (256, 65536))  # queries and negatives
DIM, TEMPERATURE = 128, 0.2
SECONDS = 3.0

Loss = Callable[..., Tensor]


def measure() -> Iterator[Row]:
    from lightly.loss import NTXentLoss  # peers, no dependencies

    for pairs in PAIRS:
        yield of_pairs(pairs, "lightly", NTXentLoss(temperature=TEMPERATURE))
    for queries, length in QUEUES:
        yield from against_queue(queries, length)
    yield of_pairs(*metric_learnings())  # the last, since it leaves the heap in pieces


def metric_learnings() -> tuple[int, str, Loss]:
    """Few pairs: it makes a row of all negatives for each positive."""
    from pytorch_metric_learning.losses import NTXentLoss, SelfSupervisedLoss

    return PAIRS[0], "metric-learning", SelfSupervisedLoss(NTXentLoss(temperature=TEMPERATURE))


def of_pairs(pairs: int, name: str, peer: Loss) -> Row:
    inputs = [torch.randn(pairs, DIM, requires_grad=True) for _ in range(2)]
    check(f"nt_xent of {pairs} pairs", ours, name, peer, *inputs)
    works = {"ours": forward_and_backward(ours, *inputs), name: forward_and_backward(peer, *inputs)}
    found = milliseconds(works)
    return Row(f"nt_xent, N = {pairs:,}", CPU_MS, found.pop("ours"), found)


def ours(z_a: Tensor, z_b: Tensor) -> Tensor:
    return nt_xent(z_a, z_b, TEMPERATURE)


def against_queue(queries: int, length: int) -> Iterator[Row]:
    q = torch.randn(queries, DIM, requires_grad=True)
    keys, negatives = (F.normalize(torch.randn(rows, DIM), dim=1) for rows in (queries, length))
    logits, by_queries = torch.empty(queries, length), torch.empty(queries, DIM)

    def products() -> None:
        torch.mm(q.detach(), negatives.T, out=logits)
        torch.mm(logits, negatives, out=by_queries)

    def any_keys(*inputs: Tensor) -> Tensor:
        return info_nce(*inputs, TEMPERATURE)

    def unit_keys(*inputs: Tensor) -> Tensor:
        return info_nce(*inputs, TEMPERATURE, unit_keys=True)

    losses: dict[str, Loss] = {"unit keys": unit_keys, "any keys": any_keys, "cross_entropy": plain}
    for loss in losses.values():
        check(f"info_nce of {queries} x {length}", loss, "cross_entropy", plain, q, keys, negatives)
    works = {name: forward_and_backward(loss, q, keys, negatives) for name, loss in losses.items()}
    found = milliseconds({"two products": products, **works})
    theirs = {name: found[name] for name in ("two products", "cross_entropy")}
    for kind in ("unit keys", "any keys"):
        yield Row(f"info_nce, {queries} x {length:,}, {kind}", CPU_MS, found[kind], theirs)


def plain(queries: Tensor, keys: Tensor, negatives: Tensor) -> Tensor:
    q = F.normalize(queries, dim=1)
    logits = torch.cat([(q * keys).sum(1, keepdim=True), q @ negatives.T], dim=1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.int64))


def milliseconds(works: dict[str, Work]) -> dict[str, float]:
    return {name: 1000 * seconds for name, seconds in medians(works, SECONDS).items()}


def forward_and_backward(loss: Loss, *inputs: Tensor) -> Work:
    def work() -> None:
        for x in inputs:
            x.grad = None
        loss(*inputs).backward()

    return work


def check(what: str, loss: Loss, name: str, peer: Loss, *inputs: Tensor) -> None:
    """Raises DifferentError unless loss and gradients are the peer's, within float32's rounding."""
    wanted = [x for x in inputs if x.requires_grad]
    found, expected = ((value := f(*inputs), *torch.autograd.grad(value, wanted)) for f in (loss, peer))
    worst = max(((a - b).abs().max() / b.abs().max()).item() for a, b in zip(found, expected, strict=True))
    if not worst <= 1e-4:
        raise DifferentError(f"{what}: loss or gradients differ from {name}'s by {worst:.1e}")
