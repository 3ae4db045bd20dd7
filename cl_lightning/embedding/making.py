"""Embeds images: what is asked for is checked as a whole, then computed, written, and searched."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from lightning.pytorch import Trainer

from cl_lightning.data import BrokenImageError
from cl_lightning.embedding.chunks import Chunk, chunks_of, rows_of_chunk
from cl_lightning.embedding.description import described
from cl_lightning.embedding.embedder import ChunkedImages, ChunkWriter, Embedder
from cl_lightning.embedding.existing import check_made_by
from cl_lightning.embedding.formats import format_of
from cl_lightning.embedding.joined import refuse_existing, write_joined
from cl_lightning.embedding.left_out import LeftOut, explained
from cl_lightning.embedding.neighbours import Neighbours, find_neighbours, wanted
from cl_lightning.embedding.parts import Parts
from cl_lightning.embedding.progress import EmbeddingProgress
from cl_lightning.embedding.rows import Rows
from cl_lightning.embedding.source import Source
from cl_lightning.interruption import StoppedAtOnce
from cl_lightning.runs.frozen_trainer import frozen_trainer
from cl_lightning.runs.given_images import all_images, given_images

FLOAT = 4  # bytes


@dataclass(frozen=True)
class Options:
    """What cl-embed is asked for; see its --help."""

    run: str
    images: Sequence[str]
    to: str
    layer: str = "backbone"
    encoder: str = "query"
    accelerator: str = "auto"
    devices: int | None = None
    neighbours: Sequence[str] = ()


@dataclass(frozen=True)
class Embedding:
    """The file; if it was written now, the shape of its vectors and how many rows; images without a row."""

    file: Path
    shape: tuple[int, ...]
    rows: int | None
    left_out: Sequence[str]
    neighbours: Neighbours | None


class Preparation:
    """Everything that an embedding needs, checked; nothing is written yet.

    Raises:
        ConfigError: it can't be made as asked for.
    """

    def __init__(self, options: Options) -> None:
        self.options, target = options, Path(options.to).expanduser()
        self.form, self.parts = format_of(target), Parts(target)
        self.exists = os.path.lexists(target)
        if self.exists and not options.neighbours:
            refuse_existing(self.parts)
        self.source = Source.of(Path(options.run).expanduser(), options.encoder, options.layer)
        self.given = given_images(options.images, "IMAGES")
        self.sets = all_images(self.given, self.source.views)
        self.rows = Rows(self.sets)
        self.shape = self.source.shape(next(iter(self.sets.values())))
        self.wanted = wanted(options.neighbours, self.rows)
        self.about = described(self.source, self.shape, self.given, self.rows)
        if self.exists:
            check_made_by(self.source, self.about, self.rows, target, self.form)
        self.trainer = frozen_trainer(
            "cl-embed",
            options.accelerator,
            options.devices,
            [ChunkWriter(), EmbeddingProgress(len(self.rows))],
        )


def embed(options: Options) -> Embedding | None:
    """Embed images; None in all processes but the first.

    Raises:
        ConfigError: it can't be made as asked for; an image can't be read; there is no room.
    """
    return made(Preparation(options))


def made(prepared: Preparation) -> Embedding | None:
    """The embedding that was prepared."""
    lacking = None if prepared.exists else _written(prepared)
    if not prepared.trainer.is_global_zero:
        return None
    found = None
    if prepared.wanted:
        place, form = prepared.parts.target, prepared.form
        found = find_neighbours(prepared.wanted, prepared.rows, prepared.source, place, form)
    number = None if lacking is None else len(prepared.rows) - len(lacking)
    return Embedding(prepared.parts.target, prepared.shape, number, lacking or [], found)


def _written(prepared: Preparation) -> list[str]:
    """Compute all chunks and write the file. Returns the names of the images without a row."""
    first, data, parts = prepared.trainer.is_global_zero, prepared.given.config["data"], prepared.parts
    chunks = _chunks(prepared)
    left_out = LeftOut(data.get("max_broken") or 0)
    images = ChunkedImages(
        prepared.sets, chunks, parts, prepared.about, data["batch_size"], data["num_workers"], left_out
    )
    with parts.begun(prepared.about) if first else nullcontext():
        _compute(prepared, images)
        if not first:
            return []
        every = [chunk for some in chunks.values() for chunk in some]
        return write_joined(parts, every, prepared.rows, prepared.form, prepared.about, left_out)


def _chunks(prepared: Preparation) -> dict[str, list[Chunk]]:
    values = 1
    for side in prepared.shape:
        values *= side
    rows = rows_of_chunk(FLOAT * values)
    return {name: chunks_of(name, len(part), rows) for name, part in prepared.sets.items()}


def _compute(prepared: Preparation, images: ChunkedImages) -> None:
    trainer: Trainer = prepared.trainer
    try:
        network = Embedder(prepared.source.views, prepared.source.network)
        trainer.predict(network, datamodule=images, return_predictions=False)
    except BrokenImageError as error:
        raise explained(error) from error
    except SystemExit as error:
        if isinstance(error, StoppedAtOnce) and trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(SIGTERM)  # the other processes got no signal
        raise
