"""What every format writes and reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from jaxtyping import Float32
from numpy import ndarray


class NamedRows(NamedTuple):
    """Some rows: names of files, labels (empty where there is none) and vectors."""

    files: list[str]
    labels: list[str]
    vectors: Float32[ndarray, "rows dim"]


@dataclass(frozen=True)
class Table:
    """All rows of an embedding; `blocks()` gives them in order, as often as it is called."""

    length: int
    dim: int
    about: Mapping[str, Any]
    blocks: Callable[[], Iterator[NamedRows]]


class Format(NamedTuple):
    """A format of files.

    `check()` raises ConfigError if a package is missing; `write(file, table)` writes an open file;
    `read(path)` gives the rows in blocks, `about(path)` the description of a file, if it holds one.
    """

    check: Callable[[], None]
    write: Callable[[BinaryIO, Table], None]
    read: Callable[[Path], Iterator[NamedRows]]
    about: Callable[[Path], Mapping[str, Any] | None]
