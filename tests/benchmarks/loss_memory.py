"""Memory that losses add, forward and backward, beside the whole matrix with its exponentials.

The long queue holds 65,536 keys, against 256 queries.

python -m tests.benchmarks.loss_memory --to results/loss_memory.json
"""

import argparse
import subprocess
import sys

from tests.benchmarks import results

PAIRS, QUEUE, SEED = 4096, 65536, 0
MEBIBYTE = 2**20
CALLS = {
    "nt_xent": "nt_xent(a, b, 0.1)",
    "info_nce": "info_nce(a, b, torch.randn(8192, 128), 0.2)",
    "hard_nt_xent": "hard_nt_xent(a, b)",
    "sup_con": "sup_con(a, b, torch.arange(len(a)) % 10)",
    "neighbour_nce": "neighbour_nce(a, b)",
    "long queue": "info_nce(a[: n // 16], b[: n // 16].detach(), queue, 0.2)",
    "long queue, all logits": "cross_entropy(a[: n // 16] @ queue.T, torch.arange(n // 16))",
    "whole matrix": "(torch.cat([a, b]) @ torch.cat([a, b]).T).exp().sum()",
}
PEAK = """
import re, torch
from pathlib import Path
torch.set_num_threads(1)
torch.manual_seed(SEED)
from torch.nn.functional import cross_entropy
from cl_lightning.losses import *

queue = torch.randn(QUEUE, 128)

def step(n):
    for call in CALLS:
        a, b = torch.randn(2, n, 128).unbind()
        a.requires_grad_(), b.requires_grad_()
        eval(call).backward()

def peak():
    # Not getrusage: its peak includes that of the process which started this one.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

step(256)
before = peak()
step(PAIRS)
print(peak() - before)
"""


def added_memory(*calls: str) -> float:
    """MiB that losses of `PAIRS` pairs in 128 dimensions add at most, in a process of one thread."""
    program = PEAK.replace("CALLS", repr(calls)).replace("QUEUE", str(QUEUE))
    program = program.replace("PAIRS", str(PAIRS)).replace("SEED", str(SEED))
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    return int(ran.stdout) / MEBIBYTE


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    results.add_option(parser)
    options = parser.parse_args()
    added = {name: round(added_memory(call), 1) for name, call in CALLS.items()}
    for name, mebibytes in added.items():
        print(f"{name:22} {mebibytes:6.1f} MiB")
    results.write(options.to, {"pairs": PAIRS, "added_mebibytes": added}, SEED)


if __name__ == "__main__":
    main()
