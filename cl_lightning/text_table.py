"""Tables on a terminal and in text files."""

from collections.abc import Sequence
from io import StringIO
from typing import Literal, NamedTuple

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2  # spaces between columns
# A line below the head, and nothing else.
RULE = Box("    \n    \n----\n    \n    \n    \n    \n    \n", ascii=True)


class Column(NamedTuple):
    """A head and a cell for each row; columns of numbers are aligned to the right."""

    head: str
    cells: Sequence[str]
    side: Literal["left", "right"] = "left"

    @property
    def width(self) -> int:
        """The width in terminal columns; characters of some scripts take two."""
        return max(map(cell_len, (self.head, *self.cells)))


def width_of(columns: Sequence[Column]) -> int:
    """The width of the table with these columns."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def text_table(columns: Sequence[Column]) -> list[str]:
    """The lines of a table: heads, a rule, then the rows."""
    table = Table(box=RULE, show_edge=False, pad_edge=False, padding=(0, 0), collapse_padding=True)
    for number, column in enumerate(columns):
        table.add_column(Text(column.head), justify=column.side, no_wrap=True, min_width=column.width)
        if number < len(columns) - 1:
            table.add_column("", min_width=GAP)
    for row in zip(*(column.cells for column in columns), strict=True):
        cells = [cell for text in row for cell in (Text(text), Text(""))]
        table.add_row(*cells[:-1])
    out = StringIO()
    Console(
        file=out, width=width_of(columns), color_system=None, highlight=False, legacy_windows=False
    ).print(table)
    return [line.rstrip() for line in out.getvalue().splitlines()]
