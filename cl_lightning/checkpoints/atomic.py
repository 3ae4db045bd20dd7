"""How a Trainer writes and reads its checkpoints."""

from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints.checkpoint import Checkpoint
from cl_lightning.checkpoints.plain import check_plain
from cl_lightning.checkpoints.reading import UnreadableError, last_good, read
from cl_lightning.files import replacing

_LAUNCHERS = ".temp.ckpt"  # the file in which Lightning's spawned processes return bare weights


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints completely or not at all: `Trainer(plugins=[AtomicCheckpointIO()])`.

    A new checkpoint is written beside the last one, read back, and then takes its place. A full disk, a
    read-only folder or a kill at any moment leaves the last good checkpoint. `remove_unfinished(folder)`
    removes the unfinished file of a killed process. Only tensors and plain containers are written and read.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write `checkpoint` to `path`, a local file.

        Raises:
            ConfigError: the checkpoint holds something else than tensors and plain containers (the message
                says where), or can't be written (it says why, and which good checkpoint remains).
        """
        file = _local(path)
        if storage_options is not None:
            raise ConfigError(f"storage_options is {storage_options!r}; accepted: none, files are local")
        check_plain(checkpoint)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as part:
                _write(checkpoint, part)
                read(Path(part.name))
        except (OSError, UnreadableError) as error:
            good = last_good(file.parent)
            kept = f"the last good checkpoint is still there: {good}" if good else "there is no earlier one"
            reason = getattr(error, "strerror", None) or f"what was written {error}"
            raise ConfigError(
                f"{file} can't be written: {reason}; {kept}; accepted: a folder with room for it that can be "
                "written to (run.root)"
            ) from error

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The content of a checkpoint file or of a run folder's checkpoint; tensors go to the CPU by default.

        Raises:
            ConfigError: `weights_only` is false; the file is missing, broken or another program's. The
                message says why, and which other checkpoint in its folder is good.
        """
        if weights_only is False:
            raise ConfigError("weights_only is False; accepted: true, always")
        file, where = _local(path), "cpu" if map_location is None else map_location
        if file.name == _LAUNCHERS:
            return read(file, where, mmap=False)
        # Not memory-mapped: the state of a resumed run must not depend on the file.
        checkpoint = Checkpoint(file, where, mmap=False)
        if "pytorch-lightning_version" not in checkpoint.content:
            raise ConfigError(
                f"{checkpoint.file} is another program's; accepted: a checkpoint that Lightning wrote"
            )
        return checkpoint.content


def _local(path: str | Path) -> Path:
    if "://" in str(path):
        raise ConfigError(f"the checkpoint is {path}; accepted: a local file")
    return Path(path).expanduser()


def _write(checkpoint: dict[str, Any], part: BinaryIO) -> None:
    try:
        torch.save(checkpoint, part)
        part.flush()
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):  # torch hides the system's error behind its own
            raise error.__context__ from error
        raise
