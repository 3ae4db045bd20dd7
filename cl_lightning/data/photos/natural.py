"""Natural order of file and folder names."""

import re
import unicodedata


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key that compares the numbers in a name as numbers, and ignores the Unicode form of accents."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", name))
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)], name
