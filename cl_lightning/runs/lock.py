"""A lock file that lets only one process work in a folder at a time."""

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
    """Another process has the lock; the message is `process PID on HOST`."""


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """In this block this process holds the lock `file`. The file is created, and removed at the end.

    The lock ends when its process ends in any way. A forked process, such as a loader's worker, does not hold
    it. It is a POSIX record lock, so it also works between machines that share a folder over NFS 4, or over
    NFS 3 with its lock daemon. If the system (Windows) or the file system has no such lock, a warning says
    so. It does not separate threads of one process. If this process opens and closes `file`, the lock ends.

    Raises:
        HeldError: another process holds the lock.
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
                file.unlink()  # before the lock ends, so that the file is never another holder's


def is_held(file: Path) -> bool:
    """Whether another process holds this lock. Must not be called by the process that holds it."""
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
        handle.close()  # its holder removed the file after we opened it and before we locked it


def _lock(handle: TextIO, tries: int = 3) -> None:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD and tries > 1:  # it may be only a short check by `is_held`
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
    what = f"{file} can't be locked ({reason}): a second process on this run would not be noticed"
    warnings.warn(what, stacklevel=3)


def _is_at(file: Path, handle: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    except FileNotFoundError:
        return False
