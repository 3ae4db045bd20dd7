"""The chunks that are there already, in a hidden folder beside the file that they will be."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding.chunks import Chunk
from cl_lightning.files import FailingOnce, remove_unfinished, replacing
from cl_lightning.runs.lock import HeldError, locked

ABOUT = "about.json"
LOCK = ".lock"
NOT_THERE = (FileNotFoundError, ValueError, KeyError, EOFError, BadZipFile)  # or damaged, after a crash


class Block(NamedTuple):
    """Rows of one data set: the numbers of the images, their labels and their vectors."""

    of: str
    index: Int64[ndarray, " rows"]  # type: ignore[assignment]  # hides tuple.index
    labels: Int64[ndarray, " rows"]
    vectors: Float[ndarray, "rows dim"]


class Parts:
    """`.FILE.parts/`: a file for each chunk, and a description of what they are parts of.

    A chunk of the same description is the same, so the same command goes on with those that are there.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = target.with_name(f".{target.name}.parts")

    @contextmanager
    def begun(self, about: Mapping[str, Any]) -> Iterator[None]:
        """In this block the folder exists, and no other command works in it. The first process enters it.

        Raises:
            ConfigError: another command works in it, or it holds parts of something else; or it can't be
                made.
        """
        with writing(self.target):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.folder / LOCK):
                self._describe(about)
                yield
        except HeldError as error:
            raise ConfigError(
                f"{self.target} is being written by {error}; accepted: wait for it or stop it, or another "
                "--to"
            ) from error

    def has(self, chunk: Chunk) -> bool:
        """Whether all images of a chunk are there; one with files that can't be read is tried again."""
        try:
            return len(self._index(chunk)) == chunk.stop - chunk.start
        except NOT_THERE:
            return False

    def write(self, chunk: Chunk, block: Block) -> None:
        """Write a chunk, completely or not at all.

        Raises:
            ConfigError: no space or no permission.
        """
        with writing(self.target), replacing(self._file(chunk)) as file:
            np.savez(FailingOnce(file), index=block.index, labels=block.labels, vectors=block.vectors)

    def read(self, chunk: Chunk) -> Block:
        """A chunk. Raises FileNotFoundError if it is not there."""
        with self._file(chunk).open("rb") as file, np.load(file, allow_pickle=False) as part:
            return Block(chunk.of, part["index"], part["labels"], part["vectors"])

    def lacking(self, chunks: Sequence[Chunk]) -> list[tuple[str, int]]:
        """The images of these chunks that have no row, as (set, number)."""
        return [
            (chunk.of, number)
            for chunk in chunks
            for number in sorted({*range(chunk.start, chunk.stop)} - {*self._index(chunk)})
        ]

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _index(self, chunk: Chunk) -> list[int]:
        with self._file(chunk).open("rb") as file, np.load(file, allow_pickle=False) as part:
            return part["index"].tolist()

    def _file(self, chunk: Chunk) -> Path:
        return self.folder / f"{chunk.of}-{chunk.start:09}.npz"

    def check(self, about: Mapping[str, Any]) -> None:
        """Refuse another description than that of the parts.

        Raises:
            ConfigError: says in what they differ.
        """
        file = self.folder / ABOUT
        if file.is_file():
            before = _read(file)
            if changed := [name for name in about if about[name] != before.get(name)]:
                raise ConfigError(
                    f"{self.folder} holds the unfinished rows of another command (with another "
                    f"{', '.join(changed)}); accepted: that command, which goes on with them, another --to, "
                    "or this one after that folder is removed"
                )

    def _describe(self, about: Mapping[str, Any]) -> None:
        self.check(about)
        with writing(self.target):
            remove_unfinished(self.folder)
            with replacing(self.folder / ABOUT) as part:
                part.write(json.dumps(about, indent=2).encode())


def _read(file: Path) -> dict[str, Any]:
    """A description; empty if it is damaged."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return {}


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turns an error of the system into one about the file that is written.

    Raises:
        ConfigError: there is no room or no permission.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{target} can't be written: {error.strerror or error}; accepted: a --to where there is room and "
            "permission; the same command goes on with the rows that are there"
        ) from error
