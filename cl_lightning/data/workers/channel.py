"""Messages between two processes; a message may carry an open file."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

ALONE, WITH_FILE = b"\0", b"\1"


class GoneError(Exception):
    """The other end is closed. A class of its own, because a worker may send any other error."""


class Channel:
    """One end of a pipe. Sending needs no thread and no free file descriptor, and creates no named file.

    Messages must be small, so that neither end ever waits for the other one to read.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, message: Any, file: int | None = None) -> None:
        """Send a message, and an open file if there is one; the sender may close it afterwards.

        Raises:
            GoneError: the other end is closed.
        """
        pickled = ForkingPickler.dumps(message)  # first, so that nothing is sent if it fails
        with _open(self.connection) as pipe:
            if file is None:
                pipe.send(ALONE)
            else:
                socket.send_fds(pipe, [WITH_FILE], [file])
            self.connection.send_bytes(pickled)

    def receive(self) -> tuple[Any, int | None]:
        """The next message, and the file that came with it; the receiver must close the file.

        Raises:
            GoneError: the other end is closed.
            OSError: a file came, but this process has too many open files (EMFILE).
            Exception: the message can't be unpickled here; the next message is not affected.
        """
        with _open(self.connection) as pipe:
            kind, files, _, _ = socket.recv_fds(pipe, 1, 1)
            if not kind:
                raise GoneError
            pickled = self.connection.recv_bytes()
        message = ForkingPickler.loads(pickled)
        if kind == WITH_FILE and not files:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return message, files[0] if files else None


@contextmanager
def _open(connection: Connection) -> Iterator[socket.socket]:
    """The same connection as a socket, which can send open files."""
    pipe = socket.socket(fileno=connection.fileno())
    try:
        pipe.settimeout(None)  # the user's socket.setdefaulttimeout must not apply here
        yield pipe
    except (BrokenPipeError, ConnectionResetError, EOFError) as error:
        raise GoneError from error
    finally:
        pipe.detach()
