"""Messages between two processes, some with an open file."""

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
    """The other end is closed. No error of what is sent, which may be any other."""


class Channel:
    """One end of a pipe. To send needs no thread and no free file number, and leaves no name anywhere.

    Messages are to be small, so that neither end ever waits for the other one to read.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, message: Any, file: int | None = None) -> None:
        """Send a message, and with it an open file, which may be closed afterwards.

        Raises:
            GoneError
        """
        pickled = ForkingPickler.dumps(message)  # what can't be pickled fails before anything is sent
        with _open(self.connection) as pipe:
            if file is None:
                pipe.send(ALONE)
            else:
                socket.send_fds(pipe, [WITH_FILE], [file])
            self.connection.send_bytes(pickled)

    def receive(self) -> tuple[Any, int | None]:
        """The next message, and the file that came with it, which is the receiver's to close.

        Raises:
            GoneError
            OSError: a file came, and this process has too many open (EMFILE).
            Exception: what can't be rebuilt here; the next message is not concerned.
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
    """The same open file as a socket, which can pass files on."""
    pipe = socket.socket(fileno=connection.fileno())
    try:
        pipe.settimeout(None)  # socket.setdefaulttimeout is for sockets of the user
        yield pipe
    except (BrokenPipeError, ConnectionResetError, EOFError) as error:
        raise GoneError from error
    finally:
        pipe.detach()
