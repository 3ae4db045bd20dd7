"""Reads checkpoints as data, without running any code in them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints.reading import UnreadableError, last_good, read_checkpoint

DESCRIPTION = "cl_lightning"  # the key of our own entry in a checkpoint
AS_SAVED = "the network that it was saved from"
KEY_ENCODER = "encoder"  # the key of a momentum encoder in the state of its callback


class Checkpoint:
    """The checkpoint of a run, from its folder or from the file itself.

    Args:
        map_location: where its tensors go, as for `torch.load`.
        mmap: whether tensors stay in the file until they are used.

    Raises:
        ConfigError: there is no checkpoint, it is incomplete, or it holds something else than tensors and
            plain containers; names the newest good checkpoint beside it.
    """

    def __init__(self, path: str | Path, map_location: Any = "cpu", mmap: bool = True) -> None:
        self.file = _file(Path(path).expanduser())
        try:
            self.content = read_checkpoint(self.file, map_location, mmap)
        except UnreadableError as error:
            good = last_good(self.file.parent)
            beside = f"; the newest good checkpoint beside it is {good}" if good else ""
            raise ConfigError(f"{self.file} {error}{beside}; accepted: {error.accepted}") from error

    @property
    def state_dict(self) -> dict[str, Tensor]:
        """Weights of the method, under their names without torch.compile."""
        return _uncompiled(self.content["state_dict"])

    @property
    def description(self) -> dict[str, Any]:
        """`method` (name of its class), `arguments` and `encoder` (blueprints), `input` and `versions`.

        Raises:
            ConfigError: the checkpoint is another program's.
        """
        if DESCRIPTION not in self.content:
            raise ConfigError(
                f"{self.file} does not say how its encoder is built; accepted: a checkpoint of a "
                "method of cl_lightning"
            )
        return self.content[DESCRIPTION]

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file."""
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def epochs(self) -> int | None:
        """How many epochs were trained; None if the file does not say."""
        loop = self.content.get("loops", {}).get("fit_loop", {})
        return loop.get("epoch_progress", {}).get("current", {}).get("processed")

    @property
    def steps(self) -> int | None:
        """How many optimizer steps were made; None if the file does not say."""
        return self.content.get("global_step")

    def encoder_weights(self, encoder: str = "query") -> dict[str, Tensor]:
        """State dict (backbone and projector) of the trained encoder, or of the key encoder in a callback.

        Raises:
            ConfigError: the checkpoint has no such encoder.
        """
        if encoder not in ("query", "key"):
            raise ConfigError(f"encoder is {encoder!r}; accepted: query, key")
        if encoder == "query":
            return without_prefix(self.state_dict, "encoder.")
        for state in self.content.get("callbacks", {}).values():
            if KEY_ENCODER in state:
                return _uncompiled(state[KEY_ENCODER])
        raise ConfigError(
            f"{self.file} has no key encoder; accepted: the query encoder, or a run whose method has a "
            "momentum encoder"
        )

    def load_into(self, module: nn.Module, weights: Mapping[str, Tensor], accepted: str = AS_SAVED) -> None:
        """Load exactly `weights` into `module`, in their precision but at least float32.

        Args:
            accepted: what to do if they don't fit, for the message.

        Raises:
            ConfigError: an entry is missing, unexpected or of another shape; names it.
        """
        kinds = [w.dtype for w in weights.values() if w.is_floating_point()]
        module.to(torch.promote_types(kinds[0], torch.float32) if kinds else torch.float32)
        try:
            module.load_state_dict(weights, strict=True)
        except RuntimeError as error:
            raise ConfigError(f"{self.file} does not fit; accepted: {accepted}. {error}") from error


def _file(path: Path) -> Path:
    file = path / "checkpoints" / "last.ckpt" if path.is_dir() else path
    if not file.is_file():
        there = f"{path} has no checkpoints/last.ckpt" if path.is_dir() else f"there is no {path}"
        raise ConfigError(f"{there}; accepted: the folder of a run that was trained, or a checkpoint file")
    return file


def _uncompiled(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.replace("_orig_mod.", ""): w for name, w in weights.items()}


def without_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The entries whose name starts with `prefix`, with the prefix removed."""
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
