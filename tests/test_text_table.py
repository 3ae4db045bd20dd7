"""Tables on a terminal."""

from rich.cells import cell_len

from cl_lightning.text_table import Column, text_table, width_of

COLUMNS = [
    Column("run", ["a", "日本", "[b]x[/b]"]),
    Column("kNN", ["0.9", "0.95 ± 0.01", "–"], "right"),
    Column("note", ["", "yes", "/"]),
]


def test_columns_are_as_wide_as_their_widest_cell_on_a_terminal() -> None:
    head, rule, *rows = text_table(COLUMNS)
    assert [head.index("run"), head.index("kNN") + 3, head.index("note")] == [0, 21, 23]
    assert rule == "-" * width_of(COLUMNS) == "-" * 27
    assert [
        cell_len(row[: row.rindex(end) + len(end)])
        for row, end in zip(rows, ("0.9", "0.01", "–"), strict=True)
    ] == [
        21,
        21,
        21,
    ]


def test_what_is_markup_elsewhere_stands_as_it_is() -> None:
    assert text_table(COLUMNS)[-1].split() == ["[b]x[/b]", "–", "/"]


def test_no_line_ends_with_spaces() -> None:
    assert not any(line.endswith(" ") for line in text_table(COLUMNS))
