"""A file whose first error is its last one."""

import io
from typing import Any, BinaryIO


class FailingOnce(io.RawIOBase):
    """Writes to `file`. After an error it takes all else without writing, so that an archive in it can close.

    Python's ZipFile would try again and again, and complain when it is forgotten.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._failed = file, False

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        if self._failed:
            return len(content)
        self._failed = True
        written = self._file.write(content)
        self._failed = False
        return written

    def flush(self) -> None:
        if not self._failed:
            self._file.flush()
