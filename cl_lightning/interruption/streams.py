"""The standard streams of a command: always open, and an error in writing never ends the command."""

import errno
import io
import os
import sys
from typing import Any

NAMES = ("stdin", "stdout", "stderr")


def open_streams() -> None:
    """Open the standard streams that the caller has closed (`>&-`), and drop output that can't be written.

    Otherwise a file that is opened later would get the number of a closed stream, and all printed text.
    stdout escapes characters that its encoding lacks, as stderr does: file names may be any bytes.
    """
    for number, name in enumerate(NAMES):
        try:
            os.fstat(number)
        except OSError:
            _open_nothing(number)
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
    for name in NAMES[1:]:
        if getattr(sys, name) is getattr(sys, f"__{name}__"):  # not if other code has replaced the stream
            setattr(sys, name, _lasting(getattr(sys, name)))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Lasting(io.FileIO):
    """A stream that drops output that can't be written: reader gone, terminal closed, disk full.

    `lost` is the first error. It is reported on stderr, unless the reader has stopped reading (`| head`).
    """

    lost: OSError | None = None

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            first, self.lost = self.lost is None, self.lost or error
            if first and error.errno != errno.EPIPE and self.fileno() != 2:
                print(f"stdout can't be written: {error.strerror}", file=sys.stderr)
            return memoryview(data).nbytes


def _open_nothing(number: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    if nothing == number:
        os.set_inheritable(number, True)  # also for the processes that this one starts
    else:
        os.dup2(nothing, number)
        os.close(nothing)


def _lasting(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stream, with `Lasting` as its raw file."""
    stream.flush()
    raw = Lasting(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
