"""CPU time of a five-step `cl-train`, pictures included, beside that of `import lightning.pytorch` alone."""

import json
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.measured import CPU_SECONDS, DifferentError, Row
from tests.benchmarks.programs import output

STEPS, REPEATS = 5, 3
TRAIN = (
    *("-m", "cl_lightning.train", "data=digits", "views=digits", "encoder=small_conv_net", "trainer=cpu"),
    *(f"trainer.max_steps={STEPS}", "data.batch_size=64"),
)
IMPORT = ("-c", "import lightning.pytorch")


def measure() -> Iterator[Row]:
    seconds: dict[str, list[float]] = {"ours": [], "import lightning.pytorch": []}
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            seconds["ours"].append(cpu_seconds(TRAIN, folder))
            check(Path(folder))
            seconds["import lightning.pytorch"].append(cpu_seconds(IMPORT, folder))
    found = {name: statistics.median(times) for name, times in seconds.items()}
    yield Row(f"cl-train of {STEPS} steps", CPU_SECONDS, found.pop("ours"), found)


def cpu_seconds(arguments: Sequence[str], folder: str) -> float:
    """CPU seconds of a Python program and of all that it started, on one thread, in a folder."""
    before = os.times()
    output(arguments, folder, {"OMP_NUM_THREADS": "1"})
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def check(folder: Path) -> None:
    """Raises DifferentError unless the run took its steps and drew its pictures."""
    (summary,) = folder.glob("runs/*/summary.json")
    steps = json.loads(summary.read_text(encoding="utf-8"))["steps"]
    if steps != STEPS or not list(summary.parent.glob("plots/*.png")):
        raise DifferentError(f"cl-train took {steps} steps of {STEPS}, or drew no pictures")
