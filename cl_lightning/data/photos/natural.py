"""The order of files and folders."""

import re
import unicodedata


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key that compares the numbers in a name as numbers, and accents however they are written."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name))
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name
