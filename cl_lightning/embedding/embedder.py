"""The loop over all images: what is loaded, computed and kept."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from torch import nn

from cl_lightning.data import Batch
from cl_lightning.data.embedded import Embedded, embedded
from cl_lightning.data.loaders import Loader, Loaders
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.no_loaders import NoLoaders
from cl_lightning.data.readable import readable
from cl_lightning.data.workers.worker_loader import OpenLoaders
from cl_lightning.embedding.chunks import Chunk, ChunkOrder
from cl_lightning.embedding.left_out import LeftOut
from cl_lightning.embedding.parts import Block, Parts


class Embedder(LightningModule):
    """`network(views.clean(images))` in evaluation mode, a flat float32 vector for each image."""

    def __init__(self, views: Any, network: nn.Module) -> None:
        super().__init__()
        self.views = views
        self.network = network

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Embedded:
        found = embedded(batch, self.views, self.network)
        return found._replace(vectors=found.vectors.flatten(1).float())


class ChunkedImages(LightningDataModule):
    """The chunks that are still to be made, shared by all processes.

    Args:
        chunks: all chunks of each data set.
        about: the description of the rows; each process must have the same.
        batch_size: images of a forward pass of each process.
        left_out: counts the files that can't be read.
    """

    def __init__(
        self,
        sets: Mapping[str, MapStyle],
        chunks: Mapping[str, list[Chunk]],
        parts: Parts,
        about: Mapping[str, Any],
        batch_size: int,
        num_workers: int,
        left_out: LeftOut,
    ) -> None:
        super().__init__()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # fewer chunks than processes
        self.sets = {name: readable(part, left_out.limit) for name, part in sets.items()}
        self.chunks, self.parts, self.about, self.left_out = chunks, parts, about, left_out
        self.batch_size, self.num_workers = batch_size, num_workers
        self.orders: list[ChunkOrder] = []
        self.todo = 0
        self._open = OpenLoaders()

    def predict_dataloader(self) -> list[Loader] | NoLoaders:
        """A loader for each data set that lacks chunks, with every world-size-th of these.

        All processes look at the parts before the first of them writes one: Lightning lets them wait for each
        other after this.
        """
        self.parts.check(self.about)  # also on another machine, whose images and checkpoint may be others
        rank, world = self.trainer.global_rank, self.trainer.world_size  # type: ignore[union-attr]
        todo = {name: [c for c in chunks if not self.parts.has(c)] for name, chunks in self.chunks.items()}
        self.todo = sum(chunk.stop - chunk.start for chunks in todo.values() for chunk in chunks)
        self.orders = [ChunkOrder(chunks[rank::world], self.batch_size) for chunks in todo.values() if chunks]
        parts = [self.sets[name] for name, chunks in todo.items() if chunks]
        loaders = Loaders(self.trainer, self.batch_size, self.num_workers, self.left_out.add, self._open)
        made = [loaders.evaluation(part, order) for part, order in zip(parts, self.orders, strict=True)]
        return made or NoLoaders()

    def teardown(self, stage: str) -> None:
        self._open.close()

    def on_exception(self, exception: BaseException) -> None:
        self._open.close()


class ChunkWriter(Callback):
    """Writes each chunk when its last batch is computed."""

    def __init__(self) -> None:
        self._waiting: list[Embedded] = []

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Embedded,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        data: ChunkedImages = trainer.datamodule  # type: ignore[attr-defined]
        piece = data.orders[dataloader_idx].pieces[batch_idx]
        # Another image stands in for one that can't be read, under its own number.
        own = outputs.index == torch.arange(piece.start, piece.stop)
        self._waiting.append(Embedded(*(column[own] for column in outputs)))
        if piece.ends:
            data.parts.write(piece.chunk, _block(piece.chunk, self._waiting))
            self._waiting = []

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """All processes wait here for each other, so that afterwards all chunks are there."""
        trainer.strategy.barrier("embedded")


def _block(chunk: Chunk, batches: Iterable[Embedded]) -> Block:
    index, labels, vectors = (torch.cat(column).numpy() for column in zip(*batches, strict=True))
    return Block(chunk.of, index, labels, np.ascontiguousarray(vectors))
