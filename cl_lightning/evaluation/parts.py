"""Tables that are too wide for a terminal, in parts below each other."""

from collections.abc import Sequence

from cl_lightning.text_table import Column, text_table, width_of

WIDTH = 110


def in_parts(head: Column, groups: Sequence[Sequence[Column]]) -> list[str]:
    """The lines of as many tables as are needed, with an empty line after each.

    Each begins with the column `head`. The columns of a group stand in one table if they fit.
    """
    parts: list[list[Column]] = [[]]
    for group in groups:
        fits = width_of([head, *parts[-1], *group]) <= WIDTH
        if not fits and parts[-1]:
            parts.append([])
        for column in group:
            if parts[-1] and width_of([head, *parts[-1], column]) > WIDTH:
                parts.append([])
            parts[-1].append(column)
    return [line for part in parts for line in (*text_table([head, *part]), "")]
