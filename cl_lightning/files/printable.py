"""Names in messages: of any bytes, in one line."""

import os
import unicodedata
from pathlib import Path

CONTROL = ("Cc", "Zl", "Zp")  # Unicode's categories of control signs and ends of lines


def printable(name: str | Path) -> str:
    r"""A file's name as any message and file takes it: what is no text becomes \xe9, \n, \x1b and so on."""
    try:
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # of a text from elsewhere, which names no file
        text = str(name).encode(errors="backslashreplace").decode()
    if text.isprintable():
        return text
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in CONTROL else sign
        for sign in text
    )
