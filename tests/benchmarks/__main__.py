"""The benchmark of CPUs (`make bench`): this package beside its peers, in one run.

    python -m tests.benchmarks               # all parts, about twenty minutes on two cores
    python -m tests.benchmarks views loss    # some

Each part compares fast paths with their plain ones before it times them. Works are timed in turn, in CPU time
of one thread where not said otherwise; medians. Figures go to runs/bench/DAY-TIME/.
"""

import argparse
import sys
from pathlib import Path

import torch

from tests.benchmarks import picture
from tests.benchmarks.parts import Part, measured_by
from tests.benchmarks.runner import chosen, end_by_sigterm_too, run_all, told

MODULES = {  # and the minutes that each may take
    "views": ("views_against_peers", 5),
    "loss": ("losses_against_peers", 10),
    "memory": ("loss_memory", 10),
    "step": ("step_against_lightning", 10),
    "start": ("start", 5),
    "threads": ("busy_machine", 15),
    "monitoring": ("monitoring_cost", 10),
    "growth": ("growth", 10),
    "epochs": ("memory_by_epoch", 5),
    "demo": ("demo_training", 30),
}
PEERS = {
    "views": ("kornia", "lightly"),
    "loss": ("lightly", "pytorch_metric_learning"),
    "memory": ("lightly",),
}
PARTS = [
    Part(name, measured_by(module), 60 * minutes, PEERS.get(name, ()))
    for name, (module, minutes) in MODULES.items()
]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(MODULES))
    parser.add_argument("--to", type=Path, default=Path("runs/bench"), metavar="DIR")
    options = parser.parse_args()
    asked = chosen(PARTS, options.parts, "bench")
    end_by_sigterm_too()
    torch.set_num_threads(1)  # as the parts, and told with the figures
    folder, outcomes = run_all(asked, options.to, "bench", "tests.benchmarks")
    picture.write(folder / "bench.json", folder / "bench.png")
    sys.exit(told(folder, outcomes, "bench"))


if __name__ == "__main__":
    main()
