"""Reads the content of a checkpoint file, with checksums and without running code."""

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from cl_lightning.checkpoints.plain import code_named

_UNSAFE = re.compile(r"unsupported (?:global: )?global ([\w.]+)", re.IGNORECASE)  # torch's message


class UnreadableError(Exception):
    """A file that is not a good checkpoint.

    Args:
        reason: what is wrong; a text that follows the file's name.
        accepted: what is accepted instead.
        code: the class or function in the file that only code could make; None if it is not that.
    """

    def __init__(self, reason: str, accepted: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.accepted = accepted
        self.code = code


def read(file: Path, map_location: Any = "cpu", mmap: bool = True) -> Any:
    """The tensors and plain containers in a file, after a check that its bytes are unchanged.

    Args:
        map_location: where tensors go, as for `torch.load`.
        mmap: whether tensors stay in the file until they are used.

    Raises:
        UnreadableError: the file is broken, holds anything else, or names code to run.
    """
    try:
        _check_bytes(file)
        content = torch.load(file, map_location=map_location, weights_only=True, mmap=mmap)
    except Exception as error:  # arbitrary bytes may raise anything
        raise explained(error) from error
    if isinstance(content, Mapping) and (code := code_named(content)):
        raise UnreadableError(f"names code to run in {code}", "a checkpoint without it")
    return content


def read_checkpoint(file: Path, map_location: Any = "cpu", mmap: bool = True) -> dict[str, Any]:
    """As `read`, for a file with the weights of a module.

    Raises:
        UnreadableError: as in `read`; or the file has no weights.
    """
    content = read(file, map_location, mmap)
    if not isinstance(content, Mapping) or not isinstance(content.get("state_dict"), Mapping):
        raise UnreadableError("holds no state_dict", "a checkpoint that Lightning wrote")
    return dict(content)


def last_good(folder: Path) -> str | None:
    """The newest readable checkpoint in a folder, and its step; None if there is none."""
    for file in sorted(folder.glob("*.ckpt"), key=_age):
        with suppress(UnreadableError):
            return f"{file} (step {read_checkpoint(file).get('global_step', 'unknown')})"
    return None


def _age(file: Path) -> int:
    try:
        return -file.stat().st_mtime_ns
    except OSError:  # removed in the meantime
        return 0


def _check_bytes(file: Path) -> None:
    """Compare each entry with its checksum; torch doesn't."""
    with ZipFile(file) as archive:
        if damaged := archive.testzip():
            raise BadZipFile(f"{damaged} is damaged")


def explained(error: Exception) -> UnreadableError:
    """What an error of `torch.load` says of the file."""
    if found := _UNSAFE.search(str(error)):
        return UnreadableError(
            f"holds a {found[1]}, and only tensors and plain containers are read",
            "a checkpoint without it; it may be in hyper-parameters, in the optimizer's settings or in the "
            "state of a callback of your own",
            found[1],
        )
    if isinstance(error, PermissionError):
        return UnreadableError(
            f"can't be read ({error.strerror})",
            "a file that this user may read: change its permissions",
        )
    system = error.strerror if isinstance(error, OSError) else None
    reason = system or _first_line(error)
    return UnreadableError(
        f"is no complete checkpoint ({reason})", "the checkpoint of a run; if this one is broken, a new one"
    )


def _first_line(error: Exception) -> str:
    """The reason in an error, without torch's advice to run the code in a file that is none of weights."""
    if isinstance(error, UnpicklingError | LookupError):
        return "its bytes are no weights"
    return str(error).partition("\n")[0] or type(error).__name__
