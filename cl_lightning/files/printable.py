"""File names in messages: any bytes, in one line."""

import os
import unicodedata
from pathlib import Path

CONTROL = ("Cc", "Zl", "Zp")  # Unicode's categories of control characters and line ends


def printable(name: str | Path) -> str:
    r"""A file name as printable text; bytes that are no text become \xe9, \n, \x1b and so on."""
    try:
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # a text that can't be a file name
        text = str(name).encode(errors="backslashreplace").decode()
    if text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in CONTROL else char
        for char in text
    )
