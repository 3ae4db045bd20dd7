"""The standard output of a command."""

import io
import sys


def take_any_text() -> None:
    """Make stdout escape characters that its encoding lacks, as stderr does: file names may be any bytes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
