"""Tables in HTML pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from cl_lightning.reports.columns import ABSENT, is_number

Order = Literal["ascending", "descending", "none"]


@dataclass(frozen=True)
class Cell:
    """`html` is the content. Cells are sorted by a `value` that is a number; ABSENT comes last."""

    html: str
    value: Any = ""
    kind: str = ""  # classes of the style sheet


@dataclass(frozen=True)
class Head:
    """The head of a column, with the initial order of its table."""

    title: str
    order: Order = "none"
    kind: str = ""


def text_cell(text: str, value: Any = "", kind: str = "") -> Cell:
    return Cell(escape(text), value, kind)


def number_cell(value: Any, form: str = ".4g") -> Cell:
    """A number with so many digits; ABSENT for what is none."""
    if not is_number(value):
        return text_cell(ABSENT, ABSENT, "number")
    return text_cell(f"{value:{form}}", value, "number")


def table(name: str, heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> str:
    """HTML of a table that sort.js can sort."""
    head = "".join(
        f'<th scope="col" aria-sort="{h.order}" class="sortable {h.kind}">'
        f'<button type="button">{escape(h.title)}</button></th>'
        for h in heads
    )
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return _scrolling(name, f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>")


def plain_table(caption: str, heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> str:
    """HTML of a table that stays in its order; the first cell of a row is its head."""
    head = "".join(f'<th scope="col" class="{h.kind}">{escape(h.title)}</th>' for h in heads)
    body = "\n".join(
        f'<tr><th scope="row" class="{first.kind}">{first.html}</th>{"".join(map(_cell, others))}</tr>'
        for first, *others in rows
    )
    told = f"<caption>{escape(caption)}</caption>"
    return _scrolling(caption, f"{told}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>")


def _scrolling(name: str, content: str) -> str:
    """The table, which scrolls if the page is narrower."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">\n'
        f"<table>{content}</table></div>"
    )


def _cell(cell: Cell) -> str:
    is_missing = cell.value == ABSENT or (is_number(cell.value) and math.isnan(cell.value))
    data = " data-missing" if is_missing else ""
    if is_number(cell.value) and not is_missing:
        data = f' data-number="{str(cell.value).replace("inf", "Infinity")}"'
    return f'<td class="{cell.kind}"{data}>{cell.html}</td>'
