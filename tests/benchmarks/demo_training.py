"""How long `make demo` trains, with the accuracies that it reaches."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measured import DifferentError, Row
from tests.benchmarks.programs import output

LEAST = 0.87  # linear accuracy with ten labels a class, as in tests/recipes


def measure() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        output(("-m", "cl_lightning.demo"), folder)
        written = json.loads((Path(folder) / "runs" / "demo.json").read_text(encoding="utf-8"))
    accuracy = {name: written["accuracy"][name]["linear_10"] for name in written["trained"]}
    if min(accuracy.values()) < LEAST:
        raise DifferentError(f"the demonstration learns too little: {accuracy}")
    seconds = {name: trained["seconds"] for name, trained in written["trained"].items()}
    yield Row("make demo, training alone", "s", sum(seconds.values()))
    for name, found in accuracy.items():
        yield Row(f"{name}: linear, 10 labels a class", "share", found, high_is_better=True)
