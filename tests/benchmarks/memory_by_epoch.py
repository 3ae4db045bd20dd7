"""Resident memory of `cl-train` after each of 50 tiny epochs, with all that watches and saves a run."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback

from tests.benchmarks.measured import MIB, Growth, Row
from tests.benchmarks.programs import output
from tests.small import SMALL

EPOCHS, SETTLED = 50, 10  # by then caches are full
MODULE = "tests.benchmarks.memory_by_epoch"
TRAIN = f"""
import cl_lightning
from cl_lightning.train import main

cl_lightning.allow({MODULE!r})
main()
"""
PAGES_OF_MIB = 2**20 // os.sysconf("SC_PAGE_SIZE")
METHODS = {
    "simclr": ("method=simclr",),
    "moco_v2": ("method=moco_v2", "callbacks.negative_queue.length=64", "encoder.batch_norm_groups=2"),
}


class ResidentMemory(Callback):
    """Writes the process's resident memory after each epoch to a file, in MiB."""

    def __init__(self, file: str) -> None:
        self.file, self.mebibytes = Path(file), []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        resident = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
        self.mebibytes.append(int(resident) / PAGES_OF_MIB)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.file.write_text(json.dumps(self.mebibytes), encoding="utf-8")


def measure() -> Iterator[Row | Growth]:
    for method in METHODS:
        found = by_epoch(method)
        kept = {epoch: found[epoch - 1] for epoch in (SETTLED, 20, 30, 40, EPOCHS)}
        yield Growth(f"resident memory, {method}", MIB, "epochs", kept)
        work = f"resident memory after {EPOCHS} epochs, {method}"
        yield Row(work, MIB, found[-1], {f"after {SETTLED}": found[SETTLED - 1]})


def by_epoch(method: str, epochs: int = EPOCHS) -> list[float]:
    """MiB at the end of each epoch of `cl-train`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "memory.json"
        watch = (f"+callbacks.memory._target_={MODULE}.ResidentMemory", f"+callbacks.memory.file={file}")
        tiny = (*SMALL, *METHODS[method], f"trainer.max_epochs={epochs}", f"run.root={folder}/runs", *watch)
        output(("-c", TRAIN, *tiny), settings={"OMP_NUM_THREADS": "1"})
        return json.loads(file.read_text(encoding="utf-8"))
