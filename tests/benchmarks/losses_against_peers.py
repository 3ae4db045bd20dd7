"""CPU time of nt_xent against lightly's NTXentLoss, and of info_nce against its two whole matrix products.

Forward and backward on one thread, all in turn in one process, medians; in info_nce only the queries have
a gradient. First each loss is compared with its peer. `info_nce, unit keys` is told that keys and negatives
have unit length, as by MoCo's queue; plain cross-entropy takes it for granted. Freed memory is kept, as in
training.

Needs `pip install lightly==1.6.0`.

    python -m tests.benchmarks.losses_against_peers --to results/losses.json
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from cl_lightning.losses import info_nce, nt_xent
from cl_lightning.runs.cpu import quicken_cpu
from tests.benchmarks import results

PAIRS = (64, 256, 512, 1024, 4096, 8192)
QUEUES = ((64, 256), (256, 4096), (32, 65536), (256, 65536))  # queries and negatives
DIM, TEMPERATURE, SEED = 128, 0.2, 0
SECONDS, MOST, LEAST = 0.02, 31, 3  # of CPU time in a repeat, at least; repeats

Work = Callable[[], object]


def medians(works: dict[str, Work], seconds: float) -> dict[str, float]:
    """Milliseconds of CPU time of each, in turn, within about so many seconds."""
    first = [cpu_seconds(work, 1) for work in works.values()]
    calls = max(1, round(SECONDS / max(first)))
    repeats = max(LEAST, min(MOST, round(seconds / sum(first) / calls)))
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            times[name].append(cpu_seconds(work, calls))
    return {name: 1000 * statistics.median(x) for name, x in times.items()}


def cpu_seconds(work: Work, calls: int) -> float:
    start = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - start) / calls


def forward_and_backward(loss: Callable[..., Tensor], *inputs: Tensor) -> Work:
    def work() -> None:
        for x in inputs:
            x.grad = None
        loss(*inputs).backward()

    return work


def plain(queries: Tensor, keys: Tensor, negatives: Tensor) -> Tensor:
    q = F.normalize(queries, dim=1)
    logits = torch.cat([(q * keys).sum(1, keepdim=True), q @ negatives.T], dim=1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.int64))


def check(loss: Callable[..., Tensor], peer: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Raises AssertionError unless loss and gradients are the peer's, within float32's rounding."""
    wanted = [x for x in inputs if x.requires_grad]
    ours, theirs = (f(*inputs) for f in (loss, peer))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    pairs = zip(torch.autograd.grad(ours, wanted), torch.autograd.grad(theirs, wanted), strict=True)
    for actual, expected in pairs:
        assert (actual - expected).abs().max() <= 1e-4 * expected.abs().max()


def views(pairs: int, seconds: float) -> dict[str, float]:
    from lightly.loss import NTXentLoss  # not a dependency of the package

    peer = NTXentLoss(temperature=TEMPERATURE)
    inputs = [torch.randn(pairs, DIM, requires_grad=True) for _ in range(2)]

    def ours(z_a: Tensor, z_b: Tensor) -> Tensor:
        return nt_xent(z_a, z_b, TEMPERATURE)

    check(ours, peer, *inputs)
    works = {"nt_xent": forward_and_backward(ours, *inputs), "lightly": forward_and_backward(peer, *inputs)}
    return medians(works, seconds)


def against_queue(queries: int, length: int, seconds: float) -> dict[str, float]:
    q = torch.randn(queries, DIM, requires_grad=True)
    keys, negatives = (F.normalize(torch.randn(rows, DIM), dim=1) for rows in (queries, length))
    logits, by_queries = torch.empty(queries, length), torch.empty(queries, DIM)

    def ours(*inputs: Tensor) -> Tensor:
        return info_nce(*inputs, TEMPERATURE)

    def declared(*inputs: Tensor) -> Tensor:
        return info_nce(*inputs, TEMPERATURE, unit_keys=True)

    def products() -> None:
        torch.mm(q.detach(), negatives.T, out=logits)
        torch.mm(logits, negatives, out=by_queries)

    works: dict[str, Work] = {"products": products}
    for name, loss in {"info_nce": ours, "info_nce, unit keys": declared, "plain": plain}.items():
        check(loss, plain, q, keys, negatives)
        works[name] = forward_and_backward(loss, q, keys, negatives)
    return medians(works, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5, help="CPU time of a row, about")
    parser.add_argument("--largest", type=int, default=PAIRS[-1], help="the most pairs (8,192 need 5 GB)")
    results.add_option(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    quicken_cpu()
    rows = {}
    for pairs in (n for n in PAIRS if n <= options.largest):
        rows[f"nt_xent {pairs}"] = views(pairs, options.seconds)
    for queries, length in QUEUES:
        rows[f"info_nce {queries} x {length}"] = against_queue(queries, length, options.seconds)
    for row, times in rows.items():
        reference = times["lightly" if "lightly" in times else "products"]
        told = (f"{name} {ms:.2f} ms ({ms / reference:.2f})" for name, ms in times.items())
        print(f"{row:22}", ", ".join(told))
    results.write(options.to, {"cpu_milliseconds": rows}, SEED)


if __name__ == "__main__":
    main()
