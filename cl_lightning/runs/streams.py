"""What a command writes to its standard output."""

import io
import sys


def take_any_text() -> None:
    """Have stdout write what its encoding lacks as an escape, as stderr does: names may be of any bytes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
