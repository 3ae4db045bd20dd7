"""Writes files and folders completely or not at all."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Does not begin with the target's name: Lightning finds checkpoints by the beginning of their names.
_NAME = "unfinished-{}.tmp"
# Errors of file systems that can't sync a folder.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Opens a new file beside `target`; it replaces `target` when the block ends, unless the block fails.

    Until then `target` is unchanged, even if this process is killed. Afterwards the new content is on the
    disk. `remove_unfinished` removes the file that a killed process leaves.

    Raises:
        OSError: no space or no permission; `target` is unchanged.
    """
    part = target.with_name(_NAME.format(secrets.token_hex(4)))
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    _sync(target.parent)


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder beside `target`, which takes its name when the block ends; it is removed if the block fails.

    A killed process leaves a hidden folder, and nothing under the name.

    Raises:
        OSError: no space or no permission, or `target` is not empty.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".part", dir=target.parent))
    try:
        yield part
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o777 & ~mask)
        for file in part.iterdir():  # some libraries make files for their owner only
            file.chmod(0o666 & ~mask)
        os.rename(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _sync(target.parent)


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove the unfinished files of killed processes, in `folder` and below it.

    No other process may be writing there. Returns the files that were removed.
    """
    found = sorted(Path(folder).rglob(_NAME.format("[0-9a-f]" * 8)))
    for file in found:
        file.unlink(missing_ok=True)
    return found


def _sync(folder: Path) -> None:
    """Write the folder's list of files to the disk."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows can't open folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
