"""Text in pictures."""

from typing import Any

from cl_lightning.files import printable


def short_text(value: Any, longest: int = 24) -> str:
    """A value as text of at most `longest` characters; $ is escaped, because it would start an equation."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = f"{value:.4g}" if is_number else printable(str(value))
    return (text if len(text) <= longest else f"{text[: longest - 1]}…").replace("$", r"\$")
