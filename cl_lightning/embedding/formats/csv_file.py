"""A .csv file with the columns file, label, v0, v1, ..."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cl_lightning.embedding.formats.table import NamedRows, Table

ROWS = 1024  # that are read at a time
EXACT = "%.9g"  # digits that give back the same float32


def check() -> None:
    """Python can always write it."""


def write(file: BinaryIO, table: Table) -> None:
    """A line of titles, then a line for each row."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["file", "label", *(f"v{n}" for n in range(table.dim))])
    for rows in table.blocks():
        for name, label, vector in zip(rows.files, rows.labels, rows.vectors.tolist(), strict=True):
            lines.writerow([name, label, *(EXACT % value for value in vector)])
    text.detach()  # the file stays open


def read(path: Path) -> Iterator[NamedRows]:
    """The rows in blocks."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        while some := list(islice(lines, ROWS)):
            files, labels = [line[0] for line in some], [line[1] for line in some]
            yield NamedRows(files, labels, np.array([line[2:] for line in some], dtype=np.float32))


def about(path: Path) -> None:
    """A .csv has no place for a description that its readers would pass over."""
