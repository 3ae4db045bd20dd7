"""A .npz file with the arrays `files`, `labels`, `vectors` and `about`, for `numpy.load` without pickle."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cl_lightning.embedding.formats.table import NamedRows, Table
from cl_lightning.files import FailingOnce

ROWS = 1024  # that are read at a time


def check() -> None:
    """NumPy is always there."""


def write(file: BinaryIO, table: Table) -> None:
    """One array after the other; names are compressed, because NumPy gives all of them the longest's room."""
    widths = [1, 1]
    for rows in table.blocks():
        longest = (max(map(len, column), default=1) for column in rows[:2])
        widths = [max(pair) for pair in zip(widths, longest, strict=True)]
    with zipfile.ZipFile(FailingOnce(file), "w", allowZip64=True) as archive:
        for column, name in enumerate(("files", "labels")):
            with _array(archive, name, f"<U{widths[column]}", (table.length,), zipfile.ZIP_DEFLATED) as array:
                for rows in table.blocks():
                    array.write(np.array(rows[column], dtype=f"<U{widths[column]}").tobytes())
        with _array(archive, "vectors", "<f4", (table.length, table.dim)) as array:
            for rows in table.blocks():
                array.write(rows.vectors.astype("<f4", copy=False).tobytes())
        text = json.dumps(dict(table.about))
        with _array(archive, "about", f"<U{len(text)}", ()) as array:
            array.write(np.array(text).astype(f"<U{len(text)}").tobytes())


def read(path: Path) -> Iterator[NamedRows]:
    """The rows in blocks."""
    with zipfile.ZipFile(path) as archive, ExitStack() as stack:
        opened = [stack.enter_context(archive.open(f"{name}.npy")) for name in ("files", "labels", "vectors")]
        heads = [_head(array) for array in opened]
        length = heads[0][0][0]
        for start in range(0, length, ROWS):
            rows = min(ROWS, length - start)
            files, labels, vectors = (
                _read(array, rows, *head) for array, head in zip(opened, heads, strict=True)
            )
            yield NamedRows(files.tolist(), labels.tolist(), vectors)


def about(path: Path) -> dict[str, Any] | None:
    """The description; None for another program's file."""
    with np.load(path, allow_pickle=False) as arrays:
        return json.loads(str(arrays["about"])) if "about" in arrays else None


def _array(
    archive: zipfile.ZipFile,
    name: str,
    kind: str,
    shape: tuple[int, ...],
    compression: int = zipfile.ZIP_STORED,
) -> Any:
    """A member of the archive, after its header."""
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = compression
    array = archive.open(member, "w", force_zip64=True)
    head: dict[str, Any] = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(array, head)
    return array


def _head(array: Any) -> tuple[tuple[int, ...], Any]:
    """Shape and type of an array whose version 1.0 is known."""
    np.lib.format.read_magic(array)
    shape, _, kind = np.lib.format.read_array_header_1_0(array)
    return shape, kind


def _read(array: Any, rows: int, shape: tuple[int, ...], kind: Any) -> Any:
    row = shape[1:]
    content = array.read(rows * int(np.prod(row, dtype=int)) * kind.itemsize)
    return np.frombuffer(content, kind).reshape(rows, *row)
