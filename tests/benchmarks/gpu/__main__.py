"""All that needs a GPU, in one command (`make bench-gpu CIFAR=DIR`).

    python -m tests.benchmarks.gpu --cifar DIR          # the tests of GPUs, the baseline table, the records
    python -m tests.benchmarks.gpu ceilings step18      # some parts
    python -m tests.benchmarks.gpu --toy                # all parts on a CPU at toy size, to try the command

DIR holds cifar-10-batches-py/. Each part has a limit of ten minutes, a record one of four hours a seed. What
was measured is kept when a later part fails. A record that was interrupted goes on at the next start. Figures
go to runs/bench-gpu/DAY-TIME/.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from tests.benchmarks import results
from tests.benchmarks.gpu.sizes import SIZES
from tests.benchmarks.measured import Row
from tests.benchmarks.parts import Outcome, Part, measured_by
from tests.benchmarks.runner import chosen, end_by_sigterm_too, run_all, told

PROGRAM, MODULE, CIFAR = "bench-gpu", "tests.benchmarks.gpu", "cifar-10-batches-py"
MINUTES, RECORD_HOURS = 10, 4
RECORDS = ("record_simclr_cifar10", "record_moco_v2_cifar10")
BASELINE = {
    "ceilings": ("ceilings",),
    "step18": ("resnet_step", "18"),
    "step50": ("resnet_step", "50"),
    "shares": ("shares",),
    "augmentations": ("augmentations",),
    "losses": ("losses",),
    "training": ("training",),
}
PEERS = {"augmentations": ("kornia",), "losses": ("lightly",), "training": ("lightly",)}
NO_GPU = (
    "bench-gpu: torch finds no GPU (torch.cuda.is_available() is False); accepted: a machine with a GPU of "
    "NVIDIA and a torch built for it, or --toy, which tries every part on a CPU"
)


def parts(size: str, cifar: Path, root: Path) -> Iterator[Part]:
    """The tests, the baseline table, and each record with each seed."""
    tests = ["-m", "gpu", "tests"] if size == "full" else ["tests/test_text_table.py"]
    yield Part("tests", [sys.executable, "-m", "pytest", "-q", *tests], 60 * MINUTES)
    for name, (module, *arguments) in BASELINE.items():
        command = measured_by(f"gpu.{module}", size, *arguments)
        yield Part(name, command, 60 * MINUTES, PEERS.get(name, ()))
    for record in RECORDS:
        for seed in SIZES[size].seeds:
            command = measured_by("gpu.record", size, record, str(seed), str(cifar), str(root))
            yield Part(f"{record}-{seed}", command, 3600 * RECORD_HOURS)


def over_seeds(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean and the standard deviation of each figure of a record that several seeds have."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in (row for outcome in outcomes if outcome.part.startswith(RECORDS) for row in outcome.rows):
        found.setdefault(row["work"], []).append(row)
    means = []
    for work, rows in found.items():
        values = [row["ours"] for row in rows]
        if len(values) > 1:
            told = f"{work}, mean of {len(values)} seeds (± {statistics.stdev(values):.2g})"
            known = {key: rows[0][key] for key in ("unit", "peers", "high_is_better")}
            means.append(Row(told, ours=statistics.mean(values), **known).plain())
    return Outcome("over seeds", "done", rows=means)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench-gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(BASELINE)}, RECORD-SEED")
    parser.add_argument("--cifar", type=Path, default=Path("data"), metavar="DIR")
    parser.add_argument("--toy", action="store_true", help="on a CPU, at toy size")
    parser.add_argument("--root", type=Path, default=Path("runs"), metavar="DIR", help="of runs and figures")
    options = parser.parse_args()
    if not options.toy and not torch.cuda.is_available():
        sys.exit(NO_GPU)
    every = parts("toy" if options.toy else "full", options.cifar, options.root)
    asked = chosen(list(every), options.parts, PROGRAM)
    records = any(part.name.startswith(RECORDS) for part in asked)
    if records and not options.toy and not (options.cifar / CIFAR).is_dir():
        sys.exit(f"{PROGRAM}: {options.cifar} has no {CIFAR}/; accepted: CIFAR=DIR, or PARTS without records")
    end_by_sigterm_too()
    folder, outcomes = run_all(asked, options.root / PROGRAM, PROGRAM, MODULE)
    results.keep(folder, PROGRAM, results.content(MODULE, [*outcomes, over_seeds(outcomes)]))
    sys.exit(told(folder, outcomes, PROGRAM))


if __name__ == "__main__":
    main()
