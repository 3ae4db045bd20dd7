"""Checkpoints that are written while training goes on."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor

from cl_lightning.checkpoints.atomic import AtomicCheckpointIO


class BackgroundCheckpointIO(AtomicCheckpointIO):
    """As `AtomicCheckpointIO`, but training only waits for a copy of the state; a thread writes the file.

    One save at a time: the next save, `teardown` and the end of a run wait for the save before, and raise its
    error. (Lightning's AsyncCheckpointIO raises the error at every later save.)
    """

    def __init__(self) -> None:
        super().__init__()
        self._writer: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Copy `checkpoint`, and write it to `path`, a local file, in the background.

        Raises:
            ConfigError: the save before this one failed, as described in `AtomicCheckpointIO`.
        """
        self._wait()
        if self._writer is None:
            self._writer = ThreadPoolExecutor(max_workers=1)
        self._writing = self._writer.submit(
            super().save_checkpoint, _copied(checkpoint), path, storage_options
        )

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """As in `AtomicCheckpointIO`, after the last save has ended."""
        self._wait()
        return super().load_checkpoint(path, map_location, weights_only)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def teardown(self) -> None:
        """Wait until the last save is on the disk; Lightning calls this when a run ends.

        Raises:
            ConfigError: the save failed; says which good checkpoint remains.
        """
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.shutdown(wait=True)
        self._wait()


def _copied(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A copy in which tensors that shared memory share it again, so that it is written once."""
    memories: dict[int, torch.UntypedStorage] = {}

    def copy(x: Tensor) -> Tensor:
        memory = x.untyped_storage()
        if memory.data_ptr() not in memories:
            memories[memory.data_ptr()] = memory.clone()
        empty = torch.empty(0, dtype=x.dtype, device=x.device)
        return empty.set_(memories[memory.data_ptr()], x.storage_offset(), x.size(), x.stride())

    return apply_to_collection(checkpoint, Tensor, copy)
