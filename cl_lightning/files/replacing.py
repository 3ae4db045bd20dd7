"""Files that are there as a whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

# Not made of the target's name: Lightning looks for checkpoints by the beginning of their names.
_NAME = "unfinished-{}.tmp"
# A file system that can't be asked to write a folder down.
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file to write beside `target`, whose place it takes when the block ends; not if the block fails.

    Until then `target` is as it was, whatever happens to this process; afterwards the new content is on the
    disk. What a killed process leaves is found by `remove_unfinished`.

    Raises:
        OSError: no room, no permission; `target` is as it was.
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


def remove_unfinished(folder: str | Path) -> list[Path]:
    """Remove what writers that were killed left in `folder` and below; no other may be writing there.

    Returns:
        the files that were removed.
    """
    found = sorted(Path(folder).rglob(_NAME.format("[0-9a-f]" * 8)))
    for file in found:
        file.unlink(missing_ok=True)
    return found


def _sync(folder: Path) -> None:
    """Write down which files a folder has."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
