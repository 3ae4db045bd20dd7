"""Memory that losses add, forward and backward, beside their peers and the whole matrix.

Each in a process of its own on one thread: the peak, less what a small call of the same loss leaves. The
queue of 65,536 keys is there before.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measured import MIB, Row
from tests.benchmarks.programs import output

PAIRS, QUEUE, SEED = 4096, 65536, 0
CALLS = {
    "nt_xent": "nt_xent(a, b, 0.1)",
    "info_nce": "info_nce(a, b, torch.randn(8192, 128), 0.2)",
    "hard_nt_xent": "hard_nt_xent(a, b)",
    "sup_con": "sup_con(a, b, torch.arange(len(a)) % 10)",
    "neighbour_nce": "neighbour_nce(a, b)",
    "whole matrix": "(torch.cat([a, b]) @ torch.cat([a, b]).T).exp().sum()",
    "lightly": "lightly.loss.NTXentLoss(0.1)(a, b)",
    "long queue": "info_nce(a, b.detach(), queue, 0.2, unit_keys=True)",
    "long queue, all logits": "cross_entropy(a @ queue.T, torch.zeros(n, dtype=torch.int64))",
}
PEAK = """
import ctypes, re, torch
from pathlib import Path
torch.set_num_threads(1)
torch.manual_seed(SEED)
from torch.nn.functional import cross_entropy, normalize
from cl_lightning.losses import *
if any("lightly" in call for call in CALLS):
    import lightly.loss

keys = normalize(torch.randn(QUEUE, 128), dim=1)

def step(n, queue):
    for call in CALLS:
        a, b = normalize(torch.randn(2, n, 128), dim=2).unbind()
        a.requires_grad_(), b.requires_grad_()
        eval(call).backward()

def mebibytes(kind):
    # Not getrusage: its peak includes that of the process which started this one.
    return int(re.search(kind + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024

step(min(PAIRS, 256), keys[:256])
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")  # the peak is that from now on
before = mebibytes("VmRSS")
step(PAIRS, keys)
print(mebibytes("VmHWM") - before)
"""


def measure() -> Iterator[Row]:
    for pairs in (4096, 8192):
        names = ("nt_xent", "lightly", "whole matrix")
        found = {name: added_memory(CALLS[name], pairs=pairs) for name in names if fits(name, pairs)}
        yield Row(f"nt_xent, N = {pairs:,}", MIB, found.pop("nt_xent"), found)
    for queries in (256, 32):
        found = {
            name: added_memory(CALLS[call], pairs=queries)
            for name, call in {"ours": "long queue", "cross_entropy": "long queue, all logits"}.items()
        }
        yield Row(f"info_nce, {queries} x {QUEUE:,}, unit keys", MIB, found.pop("ours"), found)


def added_memory(*calls: str, pairs: int = PAIRS) -> float:
    """MiB that losses of so many pairs in 128 dimensions add at most, with their inputs and gradients."""
    program = PEAK
    for name, value in {"CALLS": calls, "QUEUE": QUEUE, "PAIRS": pairs, "SEED": SEED}.items():
        program = program.replace(name, repr(value))
    return float(output(("-c", program)))


def fits(name: str, pairs: int) -> bool:
    """Whether the machine has the memory: lightly needs more than four matrices [2 pairs, 2 pairs]."""
    free = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"))
    return name != "lightly" or free is None or int(free[1]) * 1024 > 6 * 4 * (2 * pairs) ** 2
