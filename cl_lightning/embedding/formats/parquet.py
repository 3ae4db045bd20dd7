"""A .parquet file with the columns file, label and vector (a list of float32 of fixed length)."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding.formats.table import NamedRows, Table

ABOUT = b"cl_lightning"  # the key of the description in the file's metadata
ROWS = 1024  # that are read at a time
GROUP_BYTES = 2**26  # of vectors in a row group


def check() -> None:
    """Raises ConfigError if pyarrow is missing."""
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "--to ends with .parquet, which needs pyarrow, which is missing; accepted: pip install "
            "'cl_lightning[parquet]', or a name that ends with .npz or .csv"
        )


def write(file: BinaryIO, table: Table) -> None:
    """Row groups of about 64 MiB; an image without a label has null."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    vector = pa.list_(pa.float32(), table.dim)
    schema = pa.schema(
        [("file", pa.string()), ("label", pa.string()), ("vector", vector)],
        metadata={ABOUT: json.dumps(dict(table.about)).encode()},
    )
    with ParquetWriter(file, schema) as writer:
        group: list[Any] = []
        for rows in table.blocks():
            flat = pa.array(rows.vectors.astype(np.float32, copy=False).reshape(-1))
            columns = [
                pa.array(rows.files, pa.string()),
                pa.array([label or None for label in rows.labels], pa.string()),
                pa.FixedSizeListArray.from_arrays(flat, table.dim),
            ]
            group.append(pa.record_batch(columns, schema=schema))
            if sum(batch.nbytes for batch in group) >= GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(group, schema))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group, schema))


def read(path: Path) -> Iterator[NamedRows]:
    """The rows in blocks."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=["file", "label", "vector"]):
            vectors = batch.column("vector")
            flat = vectors.flatten().to_numpy(zero_copy_only=False)
            labels = [label or "" for label in batch.column("label").to_pylist()]
            yield NamedRows(batch.column("file").to_pylist(), labels, flat.reshape(len(batch), -1))


def about(path: Path) -> dict[str, Any] | None:
    """The description; None for another program's file."""
    from pyarrow.parquet import read_schema

    text = (read_schema(path).metadata or {}).get(ABOUT)
    return None if text is None else json.loads(text)
