"""A .csv file with the columns file, label, v0, v1, ..."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cl_lightning.embedding.formats.table import NamedRows, Table

ROWS = 1024  # that are read at a time
BOTH = "\r\n"
EXACT = "%.9g"  # digits that give back the same float32


def check() -> None:
    """Python can always write it."""


def write(file: BinaryIO, table: Table) -> None:
    """A line of titles, then a line for each row."""
    file.write(_line(["file", "label", *(f"v{n}" for n in range(table.dim))]))
    for rows in table.blocks():
        for name, label, vector in zip(rows.files, rows.labels, rows.vectors.tolist(), strict=True):
            file.write(_line([name, label, *(EXACT % value for value in vector)]))


def _line(cells: Iterable[str]) -> bytes:
    """A row. Python quotes a line end in a name only if it is one of the file's own."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=BOTH).writerow(cells)
    return text.getvalue().removesuffix(BOTH).encode() + b"\n"


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
