"""Errors of the system when it reads a file; the image itself may be intact."""

import errno

from cl_lightning.files import printable

GONE = (errno.ENOENT, errno.ENOTDIR)
CLOSED = (errno.EACCES, errno.EPERM)
TOO_MANY = (errno.EMFILE, errno.ENFILE)


def cannot_be_read(what: str, error: OSError) -> OSError:
    """An error of the same class (FileNotFoundError, PermissionError, ...), with a message and advice."""
    name = printable(error.filename) if isinstance(error.filename, str) else ""
    at = f": {name}" if name and name not in what else ""
    return OSError(error.errno, f"cannot read {what} ({error.strerror}{at}); accepted: {_advice(error)}")


def _advice(error: OSError) -> str:
    if error.errno in GONE:
        return "the same files as at the start: put it back below data.root"
    if error.errno in CLOSED:
        return "files that this user may read: change its permissions, see data.root"
    if error.errno in TOO_MANY:
        return "fewer open files: a smaller data.num_workers, or a higher limit (`ulimit -n`)"
    return (
        "a disk or file server that works (the image may be intact): the same command then continues from "
        "the last checkpoint, see data.root"
    )
