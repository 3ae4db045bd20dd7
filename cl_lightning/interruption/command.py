"""Signals and output streams of the commands that have nothing to save."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cl_lightning.interruption.signals import StoppedAtOnce, stopping_at_once
from cl_lightning.interruption.streams import Lasting, open_streams

# Each launcher sets one of these variables, which is not 0 in all processes but the first.
NUMBERS = ("LOCAL_RANK", "RANK", "SLURM_PROCID")


@contextmanager
def as_command(name: str, afterwards: str = "") -> Iterator[None]:
    """In this block a signal ends the command with one line and the exit code 128 + signal.

    Args:
        name: the command's.
        afterwards: what the user can do then, at the end of that line.

    Raises:
        SystemExit: with 1 at the end, if stdout could not be written; not if its reader was gone (`| head`).
    """
    open_streams()

    def tell(stop: StoppedAtOnce) -> None:
        if all(os.environ.get(number, "0") == "0" for number in NUMBERS):
            print(f"{name}: {stop.signal.name}: ended at once{afterwards}", file=sys.stderr)

    with stopping_at_once(tell):
        yield
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with PYTHONUNBUFFERED there is no buffer
    if isinstance(raw, Lasting) and raw.lost is not None and raw.lost.errno != errno.EPIPE:
        sys.exit(1)
