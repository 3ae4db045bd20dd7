"""Signals and output streams of the commands that have nothing to save."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cl_lightning.interruption.signals import stopping_at_once
from cl_lightning.interruption.streams import Lasting, open_streams


@contextmanager
def as_command(name: str) -> Iterator[None]:
    """In this block a signal ends the command with one line and the exit code 128 + signal.

    Raises:
        SystemExit: with 1 at the end, if stdout could not be written; not if its reader was gone (`| head`).
    """
    open_streams()
    with stopping_at_once(lambda stop: print(f"{name}: {stop.signal.name}: ended at once", file=sys.stderr)):
        yield
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is no buffer
    if isinstance(raw, Lasting) and raw.lost is not None and raw.lost.errno != errno.EPIPE:
        sys.exit(1)
