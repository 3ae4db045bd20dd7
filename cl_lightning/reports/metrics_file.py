"""Reads a metrics.csv that another process may be writing."""

import csv
import io
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

Curve = dict[int, float]  # epoch, from 1, to the last value that was logged in it


def read_curves(file: Path) -> dict[str, Curve]:
    """The curve of every metric; missing and incomplete lines are left out."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    whole = text[: text.rfind("\n") + 1]  # the last line may be incomplete
    curves: dict[str, Curve] = defaultdict(dict)
    with suppress(csv.Error):
        for row in csv.DictReader(io.StringIO(whole, newline="")):
            _add(row, curves)
    return dict(curves)


def _add(row: dict[str, str], curves: dict[str, Curve]) -> None:
    with suppress(ValueError, OverflowError):  # a row of a single step has no epoch
        epoch = int(float(row.pop("epoch", ""))) + 1
        for name, value in row.items():
            if "/" in (name or "") and value:
                with suppress(ValueError):
                    curves[name][epoch] = float(value)
