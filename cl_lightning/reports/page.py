"""The page that compares runs."""

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from cl_lightning.reports.columns import ABSENT
from cl_lightning.reports.comparison import Comparison, seeds
from cl_lightning.reports.formatting import decimals, mean_text
from cl_lightning.reports.html import code, details, document, image, items, section, sentence, written
from cl_lightning.reports.rows import Row
from cl_lightning.reports.run import Run
from cl_lightning.reports.table_html import Cell, Head, table, text_cell
from cl_lightning.runs.metrics import low_is_better

ALTERNATIVES = {"curves.png": "Curves of all runs", "parameters.png": "The compared metric by settings"}


def page(comparison: Comparison, pictures: Mapping[str, bytes], left_out: Sequence[str], folder: Path) -> str:
    """HTML of the report.

    Args:
        comparison: the content of the report.
        pictures: PNG files by their names.
        left_out: texts about runs that are left out.
        folder: the folder of the page, from which its links to the pictures of runs start.
    """
    sections = [
        section("Comparison", sentence(comparison.order), _comparison(comparison), _follows(comparison)),
        section("Not finished", _unfinished(comparison.unfinished)) if comparison.unfinished else "",
        *(section(ALTERNATIVES[name], _picture(name, png)) for name, png in pictures.items()),
        section("All runs", _runs(comparison, folder)),
        section("Left out", items(left_out)) if left_out else "",
    ]
    header = [
        f"<p>{escape(comparison.counts)}</p>",
        f'<p class="quiet">Written {written()}; {code("cl-report")} writes it anew.</p>',
    ]
    return document(f"Runs by {comparison.metric}", header, sections, scripts=["sort.js"])


def _comparison(comparison: Comparison) -> str:
    first, *more = comparison.metrics
    heads = [*map(Head, comparison.titles)]
    heads.append(Head(first, "ascending" if low_is_better(first) else "descending", "number"))
    heads += [Head(title, kind="number") for title in ("seeds", *more)]
    numbers = [_numbers(comparison.rows, metric, comparison.metric) for metric in comparison.metrics]
    rows = []
    for place, row in enumerate(comparison.rows):
        compared, *others = (column[place] for column in numbers)
        count = text_cell(seeds(row), row.finished, "number")
        rows.append([*_key_cells(comparison, row), compared, count, *others])
    return table("Comparison", heads, rows)


def _key_cells(comparison: Comparison, row: Row) -> list[Cell]:
    values = row.values or [""]
    return [text_cell(text, value) for text, value in zip(comparison.labels(row), values, strict=True)]


def _numbers(rows: Iterable[Row], metric: str, compared: str) -> list[Cell]:
    found = [row.over_seeds(metric) for row in rows]
    digits = decimals(mean.mean for mean in found if mean)
    kind = "number compared" if metric == compared else "number"
    return [
        text_cell(mean_text(mean.mean, mean.spread, digits), mean.mean, kind)
        if mean
        else text_cell(ABSENT, ABSENT, kind)
        for mean in found
    ]


def _follows(comparison: Comparison) -> str:
    """The keys without a column, because they change together with one that has a column."""
    lines = [
        f"<li>{code(column.title)}: {', '.join(map(code, column.following))}</li>"
        for column in comparison.columns
        if column.following
    ]
    if not lines:
        return ""
    return details("What changes along with a column", f"<ul>{''.join(lines)}</ul>")


def _unfinished(runs: Sequence[Run]) -> str:
    heads = [Head("state"), Head("run"), Head("epoch", kind="number"), Head("of", kind="number")]
    heads.append(Head("reason"))
    rows = [
        [
            text_cell(run.state, kind=run.state),
            text_cell(str(run.folder.path)),
            text_cell(str(run.epoch), run.epoch, "number"),
            text_cell(str(run.epochs), run.epochs, "number"),
            text_cell(run.reason, kind="long"),
        ]
        for run in runs
    ]
    return table("Not finished", heads, rows)


def _runs(comparison: Comparison, folder: Path) -> str:
    titles = comparison.titles if comparison.columns else []
    metric = comparison.metric
    heads = [Head("run"), Head("state"), *map(Head, titles), Head("seed", kind="number")]
    heads += [Head(metric, kind="number"), Head("epoch", kind="number"), Head("pictures")]
    digits = decimals(run.numbers[metric] for run in comparison.runs if metric in run.numbers)
    rows = []
    for row in comparison.rows:
        for run in row.runs:
            value = run.numbers.get(metric)
            reached = text_cell(ABSENT, ABSENT) if value is None else text_cell(f"{value:.{digits}f}", value)
            rows.append(
                [
                    Cell(_name(run, folder)),
                    text_cell(run.state, kind=run.state),
                    *(_key_cells(comparison, row) if titles else ()),
                    text_cell(str(run.seed), run.seed, "number"),
                    Cell(reached.html, reached.value, "number compared"),
                    text_cell(str(run.epoch), run.epoch, "number"),
                    Cell(_links(run, folder)),
                ]
            )
    return table("All runs", heads, rows)


def _links(run: Run, folder: Path) -> str:
    """Links to the pictures in the run folder."""
    pictures = sorted(run.folder.plots.glob("*.png"))
    name = run.folder.path.name
    return " ".join(_link(picture, picture.stem, folder, f"{picture.stem} of {name}") for picture in pictures)


def _name(run: Run, folder: Path) -> str:
    """The name of the run folder, as a link to its report if it has one."""
    report, name = run.folder.report, run.folder.path.name
    return _link(report, name, folder) if report.is_file() else escape(name)


def _link(file: Path, text: str, folder: Path, told: str = "") -> str:
    """A link to a file; `told` is what it is called where the text alone would not be clear."""
    place = quote(os.path.relpath(file.resolve(), folder.resolve()))
    label = f' aria-label="{escape(told)}"' if told else ""
    return f'<a href="{escape(place)}"{label}>{escape(text)}</a>'


def _picture(name: str, png: bytes) -> str:
    return image(ALTERNATIVES[name], ALTERNATIVES[name], png)
