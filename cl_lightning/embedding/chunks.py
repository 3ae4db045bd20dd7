"""The chunks of an embedding, and the batches in which a process makes its own."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

MOST_ROWS = 1024
MOST_BYTES = 2**26


class Chunk(NamedTuple):
    """The images `start` to `stop` of a data set."""

    of: str
    start: int
    stop: int


class Piece(NamedTuple):
    """A batch of a chunk: its images `start` to `stop`; `ends` the chunk if it is the last one."""

    chunk: Chunk
    start: int
    stop: int
    ends: bool


def rows_of_chunk(row_bytes: int) -> int:
    """How many rows of so many bytes a chunk has."""
    return max(1, min(MOST_ROWS, MOST_BYTES // row_bytes))


def chunks_of(of: str, length: int, rows: int) -> list[Chunk]:
    """All chunks of a data set."""
    return [Chunk(of, start, min(start + rows, length)) for start in range(0, length, rows)]


class ChunkOrder:
    """The batches of some chunks, in order. No batch goes over the end of a chunk.

    So a vector is made in the same batch whichever process makes it, and whenever: the same bits.
    """

    epoch = first = 0  # the order does not depend on them

    def __init__(self, chunks: Sequence[Chunk], batch_size: int) -> None:
        self.pieces = [
            Piece(chunk, start, min(start + batch_size, chunk.stop), start + batch_size >= chunk.stop)
            for chunk in chunks
            for start in range(chunk.start, chunk.stop, batch_size)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def images(self) -> int:
        return sum(piece.stop - piece.start for piece in self.pieces)

    def batches(self, device: torch.device | str = "cpu") -> tuple[Int64[Tensor, " local_batch"], ...]:
        """The numbers of the images of each batch."""
        return tuple(torch.arange(piece.start, piece.stop, device=device) for piece in self.pieces)
