"""The error for a config that can't be run."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cl_lightning.files import printable

CLOSED = (errno.EACCES, errno.EPERM)
ALLOCATOR = "DefaultCPUAllocator"  # torch's name for it in error messages


class ConfigError(ValueError):
    """A config that can't be run. Its message: what was given, what is accepted, which key to change."""


def shown(value: Any) -> str:
    """A value as a user would type it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def memory_message(error: BaseException) -> str:
    """The message for an error for lack of memory."""
    wanted = re.search(r"allocate (\d+) bytes", str(error))
    amount = f"{int(wanted[1]) / 2**30:,.1f} GiB at once are" if wanted else "what it takes is"
    return f"there is not enough memory: {amount} more than this machine gives; accepted: smaller sizes"


def file_message(error: OSError) -> str:
    """The message for a system error that names a file."""
    what = "to read and write"
    if error.errno in CLOSED:
        what = "that this user may use: change its permissions, or name another"
    return f"{printable(str(error.filename))}: {error.strerror}; accepted: a file or folder {what}"


def message_of(error: BaseException) -> str:
    """The message of an error, without the system's error number."""
    if isinstance(error, MemoryError) or ALLOCATOR in str(error):
        return memory_message(error)
    if isinstance(error, OSError) and "accepted: " in str(error.strerror):
        return str(error.strerror)
    if isinstance(error, OSError) and error.strerror and error.filename:
        return file_message(error)
    return str(error) or type(error).__name__


@contextmanager
def refused(key: str) -> Iterator[None]:
    """Turns every error in this block into an error of the config below `key`.

    Raises:
        ConfigError: caused by the error; names the key if the error's own message doesn't.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        message = message_of(error)
        group = key.split(".")[0]
        raise ConfigError(message if f"{group}." in message else f"{key}: {message}") from error
