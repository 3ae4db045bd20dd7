"""Words of a picture."""

from typing import Any


def words(value: Any, longest: int = 24) -> str:
    """Of a value, at most `longest` signs, and no equation, which matplotlib would take $ for."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = f"{value:.4g}" if is_number else str(value)
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("$", r"\$")
