"""All runs as a CSV file, for other programs."""

import csv
import io
import json
from typing import Any

from cl_lightning.reports.columns import ABSENT
from cl_lightning.reports.comparison import Comparison


def csv_text(comparison: Comparison) -> str:
    """A line for each run: folder, state, seed, all keys that differ, all numbers of summary.json.

    A cell is empty if a run has no such key or number. Text is written unchanged, everything else as JSON.
    """
    numbers = list(dict.fromkeys(name for run in comparison.runs for name in run.numbers))
    keys = list(next(iter(comparison.differing.values())))
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["folder", "state", "seed", *keys, *numbers])
    for run in comparison.runs:
        values = [_cell(value) for value in comparison.differing[run.hash].values()]
        measured = [run.numbers.get(name, "") for name in numbers]
        writer.writerow([run.folder.path, run.state, run.seed, *values, *measured])
    return file.getvalue()


def _cell(value: Any) -> str:
    if value == ABSENT:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
