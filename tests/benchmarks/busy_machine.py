"""Images a second of `cl-train` on two threads beside a process that keeps one core busy.

Beside it: one thread, and two threads that wait as libgomp's do by default. Two cores for all, so that a
free core would hide nothing.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.measured import DifferentError, Row
from tests.benchmarks.programs import output

REPEATS = 2
BUSY = "while True: pass"
TRAIN = (
    *("-m", "cl_lightning.train", "experiment=simclr_scattered_digits", "trainer=cpu"),
    *("trainer.max_epochs=2", "trainer.limit_val_batches=0", "run.metric=loss", "logger=csv"),
)
TWO = {"OMP_NUM_THREADS": "2"}
WAYS: dict[str, Mapping[str, str]] = {
    "ours": TWO,
    "one thread": {"OMP_NUM_THREADS": "1"},
    "two threads, libgomp's way": TWO | {"GOMP_SPINCOUNT": "300000"},
}


def measure() -> Iterator[Row]:
    rates: dict[str, list[float]] = {name: [] for name in WAYS}
    losses = set()
    for _ in range(REPEATS):
        for name, way in WAYS.items():
            with one_core_busy():
                summary = trained(way)
            rates[name].append(summary["views_per_second"] / 2)
            if way["OMP_NUM_THREADS"] == "2":
                losses.add(summary["loss"])
    if len(losses) > 1:
        raise DifferentError(f"how threads wait changes the loss: {losses}")
    found = {name: statistics.median(rate) for name, rate in rates.items()}
    work = "two threads beside a busy process"
    yield Row(work, "images/s", found.pop("ours"), found, high_is_better=True)


@contextlib.contextmanager
def one_core_busy() -> Iterator[None]:
    """This process, and what it starts, have two cores; a process computes on them meanwhile."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[:2])
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, cores)


def trained(way: Mapping[str, str]) -> dict[str, Any]:
    """The summary of a run in such an environment."""
    with tempfile.TemporaryDirectory() as folder:
        output(TRAIN, folder, way)
        (summary,) = Path(folder).glob("runs/*/summary.json")
        return json.loads(summary.read_text(encoding="utf-8"))
