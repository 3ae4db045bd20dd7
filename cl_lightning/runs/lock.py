"""One process at a time."""

import errno
import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

HAS_LOCKS = find_spec("fcntl") is not None  # not on Windows
if HAS_LOCKS:
    import fcntl

_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


class HeldError(Exception):
    """Another process has the lock; its words are `process PID on HOST`."""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Inside, this is the only process inside for `file`, which is made, and removed at the end.

    The lock ends with its process, however that ends; a process forked from it, such as a loader's worker,
    does not hold it. It is a record lock of POSIX, so it holds between the machines that share a folder over
    NFS 4, or NFS 3 with its lock daemon. Where the file system or Windows has no such lock, this is warned
    of. Threads of one process are not kept apart, and opening and closing `file` in this process ends the
    lock.

    Raises:
        HeldError: another process is inside.
        OSError: `file` can't be made or written.
    """
    if not HAS_LOCKS:
        _warn_of_no_lock(file, "this system has no POSIX locks")
        yield
        return
    with _acquired(file) as handle:
        try:
            handle.truncate(0)
            handle.write(f"process {os.getpid()} on {socket.gethostname()}")
            handle.flush()
            yield
        finally:
            with suppress(OSError):
                file.unlink()  # before the lock ends, so that it is never another holder's


def is_held(file: Path) -> bool:
    """Whether another process is inside `locked` for this file; not for use inside it."""
    if not HAS_LOCKS:
        return False
    try:
        with file.open(encoding="utf-8") as handle:
            fcntl.lockf(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    return False


def _acquired(file: Path) -> TextIO:
    while True:
        handle = file.open("a+", encoding="utf-8")
        try:
            _lock(handle)
            if _is_at(file, handle):
                return handle
        except BaseException:
            handle.close()
            raise
        handle.close()  # its holder removed it between our opening and locking it


def _lock(handle: TextIO, tries: int = 3) -> None:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD and tries > 1:  # it may be no more than a look by `is_held`
            time.sleep(0.02)
            _lock(handle, tries - 1)
            return
        if error.errno in _HELD:
            handle.seek(0)
            raise HeldError(handle.read() or "another process") from error
        if error.errno not in _NO_LOCKS:
            raise
        _warn_of_no_lock(handle.name, error.strerror)


def _warn_of_no_lock(file: str | Path, reason: str | None) -> None:
    words = f"{file} can't be locked ({reason}): a second process on this run would not be noticed"
    warnings.warn(words, stacklevel=3)


def _is_at(file: Path, handle: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    except FileNotFoundError:
        return False
