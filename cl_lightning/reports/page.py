"""The report as one HTML file that needs no other file and no network."""

import base64
import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from cl_lightning.reports.columns import ABSENT
from cl_lightning.reports.comparison import Comparison, seeds
from cl_lightning.reports.formatting import decimals, mean_text
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
    style, script = _part("report.css"), _part("report.js")
    sections = [
        _section("Comparison", _sentence(comparison.order), _comparison(comparison), _follows(comparison)),
        _section("Not finished", _unfinished(comparison.unfinished)) if comparison.unfinished else "",
        *(_section(ALTERNATIVES[name], _image(name, png)) for name, png in pictures.items()),
        _section("All runs", _runs(comparison, folder)),
        _section("Left out", _items(left_out)) if left_out else "",
    ]
    return Template(_part("report.html")).substitute(
        title=escape(f"Runs by {comparison.metric}"),
        counts=escape(comparison.counts),
        written=time.strftime("%Y-%m-%d %H:%M"),
        sections="\n".join(filter(None, sections)),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


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
        f"<li>{_code(column.title)}: {', '.join(map(_code, column.following))}</li>"
        for column in comparison.columns
        if column.following
    ]
    if not lines:
        return ""
    return f"<details><summary>What changes along with a column</summary><ul>{''.join(lines)}</ul></details>"


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
                    text_cell(run.folder.path.name),
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
    links = []
    for picture in sorted(run.folder.plots.glob("*.png")):
        place = quote(os.path.relpath(picture.resolve(), folder.resolve()))
        links.append(f'<a href="{escape(place)}">{escape(picture.stem)}</a>')
    return " ".join(links)


def _section(title: str, *parts: str) -> str:
    return "\n".join([f"<section>\n<h2>{escape(title)}</h2>", *filter(None, parts), "</section>"])


def _sentence(text: str) -> str:
    return f"<p>{escape(text[0].upper() + text[1:])}.</p>"


def _items(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _image(name: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    image = f'<img alt="{ALTERNATIVES[name]}" src="data:image/png;base64,{data}">'
    frame = f'class="scroll picture" role="region" tabindex="0" aria-label="{ALTERNATIVES[name]}"'
    return f"<div {frame}>{image}</div>"


def _part(name: str) -> str:
    return files("cl_lightning.reports").joinpath(name).read_text(encoding="utf-8")


def _code(key: str) -> str:
    return f"<code>{escape(key)}</code>"


def _hash(text: str) -> str:
    """The hash of a script or style for the page's security policy, so that nothing else can run or load."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
