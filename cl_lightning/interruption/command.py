"""What commands that have nothing to save share."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cl_lightning.interruption.signals import stopping_at_once
from cl_lightning.interruption.streams import Lasting, open_streams


@contextmanager
def as_command(name: str) -> Iterator[None]:
    """Inside, a signal ends the command with one line and 128 + signal.

    Raises:
        SystemExit: 1 at the end, where what it says could not be written but for a reader who has gone.
    """
    open_streams()
    with stopping_at_once(lambda stop: print(f"{name}: {stop.signal.name}: ended at once", file=sys.stderr)):
        yield
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # PYTHONUNBUFFERED leaves the buffer out
    if isinstance(raw, Lasting) and raw.lost is not None and raw.lost.errno != errno.EPIPE:
        sys.exit(1)
