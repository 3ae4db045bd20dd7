"""The content of a checkpoint file, read as a whole and without running anything that it holds."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from cl_lightning.checkpoints.plain import code_named

_UNSAFE = re.compile(r"unsupported (?:global: )?global ([\w.]+)", re.IGNORECASE)  # torch's words


class UnreadableError(Exception):
    """A file that is no good checkpoint.

    Args:
        reason: what goes on from the name of the file.
        accepted: what would do.
    """

    def __init__(self, reason: str, accepted: str) -> None:
        super().__init__(reason)
        self.accepted = accepted


def read(file: Path, map_location: Any = "cpu", mmap: bool = True) -> Any:
    """Tensors and plain containers of a file of which every byte is as it was written.

    Args:
        map_location: where tensors go, as for `torch.load`.
        mmap: whether tensors stay in the file until they are used.

    Raises:
        UnreadableError: a broken file, one that holds anything else, one that names code to run.
    """
    try:
        _check_bytes(file)
        content = torch.load(file, map_location=map_location, weights_only=True, mmap=mmap)
    except Exception as error:  # whatever bytes of anything bring up
        raise _explained(error) from error
    if isinstance(content, Mapping) and (code := code_named(content)):
        raise UnreadableError(f"names code to run in {code}", "a checkpoint without it")
    return content


def read_checkpoint(file: Path, map_location: Any = "cpu", mmap: bool = True) -> dict[str, Any]:
    """As `read`, of a file with the weights of a module.

    Raises:
        UnreadableError: any other file.
    """
    content = read(file, map_location, mmap)
    if not isinstance(content, Mapping) or not isinstance(content.get("state_dict"), Mapping):
        raise UnreadableError("holds no state_dict", "a checkpoint that Lightning wrote")
    return dict(content)


def last_good(folder: Path) -> str | None:
    """The newest checkpoint of a folder that can be read, and its step; None without one."""
    for file in sorted(folder.glob("*.ckpt"), key=_age):
        with suppress(UnreadableError):
            return f"{file} (step {read_checkpoint(file).get('global_step', 'unknown')})"
    return None


def _age(file: Path) -> int:
    try:
        return -file.stat().st_mtime_ns
    except OSError:  # gone in the meantime
        return 0


def _check_bytes(file: Path) -> None:
    """Compares each part with its checksum, which torch doesn't."""
    with ZipFile(file) as parts:
        if damaged := parts.testzip():
            raise BadZipFile(f"{damaged} is damaged")


def _explained(error: Exception) -> UnreadableError:
    if found := _UNSAFE.search(str(error)):
        return UnreadableError(
            f"holds a {found[1]}, and only tensors and plain containers are read",
            "a checkpoint without it, be it in hyper-parameters, in the optimizer's settings or in the state "
            "of a callback of your own",
        )
    if isinstance(error, PermissionError):
        return UnreadableError(
            f"can't be read ({error.strerror})",
            "one that this user may read: change its permissions",
        )
    words = error.strerror if isinstance(error, OSError) else None
    reason = words or str(error).partition("\n")[0] or type(error).__name__
    return UnreadableError(
        f"is no complete checkpoint ({reason})", "the checkpoint of a run, a new one where this is broken"
    )
