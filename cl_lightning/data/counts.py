"""Counts as text, for messages."""

from collections.abc import Mapping, Sequence

from cl_lightning.files import printable

FIRST = 5  # so many class names are listed


def in_counts(kinds: Mapping[str, int]) -> str:
    """Each kind with its count, the most frequent first, such as `3 .txt, 1 hidden`."""
    most_first = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {printable(kind)}" for kind, number in most_first)


def in_classes(names: Sequence[str]) -> str:
    """The number of classes and their first names."""
    first = ", ".join(printable(name) for name in names[:FIRST])
    number = f"{len(names):,} class{'es' if len(names) > 1 else ''}"
    return f"{number} ({first}{', ...' if len(names) > FIRST else ''})"
