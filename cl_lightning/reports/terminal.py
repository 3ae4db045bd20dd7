"""The report as text."""

from collections.abc import Sequence
from textwrap import wrap

from cl_lightning.reports.comparison import Comparison, seeds
from cl_lightning.reports.formatting import decimals, mean_text, shortened
from cl_lightning.text_table import Column, text_table, width_of

INDENT = " " * 10
REASON = 3  # lines, at most
WIDEST = 24  # characters of a config value
HEADS = {"effective_rank": "rank", "seconds_per_epoch": "s/epoch"}


def text(comparison: Comparison, width: int) -> str:
    """The table, the unfinished runs and the number of runs, in lines of at most `width` characters."""
    lines = [*_table(comparison, width), shortened(comparison.order, width)]
    return "\n".join([*lines, *_unfinished(comparison, width), "", comparison.counts])


def _table(comparison: Comparison, width: int) -> list[str]:
    """The table. If it is too wide, the last columns are left out, and listed below it."""
    keys, numbers = _keys(comparison), _numbers(comparison)
    left_out: list[str] = []
    for columns, least in ((numbers, 2), (keys, 1)):
        while len(columns) > least and width_of(keys + numbers) > width:
            left_out.insert(0, columns.pop().head)
    lines = [shortened(line, width) for line in text_table(keys + numbers)]
    more = [f"report.html has more columns: {', '.join(left_out)}"] if left_out else []
    return lines + [shortened(line, width) for line in more]


def _keys(comparison: Comparison) -> list[Column]:
    labels = zip(*(comparison.labels(row) for row in comparison.rows), strict=True)
    columns = zip(comparison.titles, labels, strict=True)
    return [Column(title, [shortened(label, WIDEST) for label in texts]) for title, texts in columns]


def _numbers(comparison: Comparison) -> list[Column]:
    """Columns: the compared metric with its spread, the number of seeds, then the other metrics."""
    columns = []
    for metric in comparison.metrics:
        found = [row.over_seeds(metric) for row in comparison.rows]
        digits = decimals(mean.mean for mean in found if mean)
        is_compared = metric == comparison.metric
        cells = [
            "–" if mean is None else mean_text(mean.mean, mean.spread if is_compared else None, digits)
            for mean in found
        ]
        head = HEADS.get(metric, metric)
        columns.append(Column(head, _lined_up(cells) if is_compared else cells, "right"))
    columns.insert(1, Column("seeds", list(map(seeds, comparison.rows)), "right"))
    return columns


def _lined_up(cells: Sequence[str]) -> list[str]:
    """Cells of equal width: a cell without a spread gets spaces if others have one."""
    room = max(len(cell.partition(" ")[2]) for cell in cells)
    return [cell if " " in cell or not room else f"{cell} {' ' * room}" for cell in cells]


def _unfinished(comparison: Comparison, width: int) -> list[str]:
    """A line for each unfinished run, and below it the reason if it failed."""
    runs = comparison.unfinished
    widest = max((len(str(run.folder.path)) for run in runs), default=0)
    lines = [""] if runs else []
    for run in runs:
        line = f"{run.state:8}  {run.folder.path!s:{widest}}  epoch {run.epoch} of {run.epochs}"
        lines.append(shortened(line, width))
        reason = wrap(run.reason, width - len(INDENT), max_lines=REASON, placeholder=" …")
        lines += [INDENT + part for part in reason]
    return lines
