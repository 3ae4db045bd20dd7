"""The file of an embedding, written from its chunks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding.chunks import Chunk
from cl_lightning.embedding.formats import Format, NamedRows, Table
from cl_lightning.embedding.left_out import LeftOut
from cl_lightning.embedding.parts import Parts, writing
from cl_lightning.embedding.rows import Rows
from cl_lightning.files import replacing

WHOLE = "whole"  # the file among its parts, until it has its name


def write_joined(
    parts: Parts,
    chunks: Sequence[Chunk],
    rows: Rows,
    form: Format,
    about: Mapping[str, Any],
    left_out: LeftOut,
) -> list[str]:
    """Write the file from its chunks, and remove these. Returns the names of the images without a row.

    Only one chunk is in memory at a time. The file takes its name when it is whole.

    Raises:
        ConfigError: more images than allowed have no row; no space or no permission; the file exists now.
    """
    lacking = [rows.name(of, index) for of, index in parts.lacking(chunks)]
    left_out.check(lacking)

    def blocks() -> Iterator[NamedRows]:
        for block in map(parts.read, chunks):
            names = [rows.name(block.of, index) for index in block.index.tolist()]
            labels = [rows.label(block.of, number) for number in block.labels.tolist()]
            yield NamedRows(names, labels, block.vectors)

    dim = parts.read(chunks[0]).vectors.shape[1]
    whole = parts.folder / WHOLE
    with writing(parts.target), replacing(whole) as file:
        form.write(file, Table(len(rows) - len(lacking), dim, about, blocks))
    refuse_existing(parts)
    with writing(parts.target):
        os.replace(whole, parts.target)
    parts.remove()
    return lacking


def refuse_existing(parts: Parts) -> None:
    """Nothing is written over.

    Raises:
        ConfigError: the file exists.
    """
    if os.path.lexists(parts.target):
        raise ConfigError(
            f"--to is {parts.target}, which exists; accepted: a new file, or --neighbours IMAGE"
        )
