"""Text tables with the evaluations of several encoders."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from cl_lightning.evaluation.parts import WIDTH, in_parts
from cl_lightning.evaluation.results import number, title
from cl_lightning.text_table import Column

Results = Mapping[str, Mapping[str, Any]]
LEAST = 8  # the width of a heading
SPREAD = " (+-: standard deviation over draws)"


def table(rows: Mapping[str, Results]) -> str:
    """One line for each encoder, and below the lines the protocol of the numbers.

    If the columns are too wide for one table, they are several, with the columns of a protocol together.

    Args:
        rows: for each name its results, by the keys of a `Result`'s `values` and its `title`, `heading` and
            `protocol` (phrases joined by "; "). A number that a row lacks is left empty.
    """
    found = {name: result for results in rows.values() for name, result in results.items()}
    columns = {
        name: Column(title(name, result), [_cell(results.get(name)) for results in rows.values()])
        for name, result in found.items()
    }
    groups = [[columns[name] for name in names] for names in by_heading(found).values()]
    return "\n".join([*in_parts(Column("", list(rows)), groups), *_protocols(rows)])


def by_heading(results: Results) -> dict[str, list[str]]:
    """The names of the results of each protocol."""
    found: dict[str, list[str]] = {}
    for name, result in results.items():
        found.setdefault(result["heading"], []).append(name)
    return found


def _cell(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return ""
    return f"{number(result):.3f}" + (f" +- {result['std']:.3f}" if result.get("draws", 1) > 1 else "")


def _protocols(rows: Mapping[str, Results]) -> list[str]:
    """The protocol of each method; only once if all rows share it."""
    shared: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, results in rows.items():
        shared.setdefault(_of_row(results), []).append(name)
    width = 2 + max([LEAST - 2, *(len(heading) for protocols in shared for heading, _ in protocols)])
    lines: list[str] = []
    for protocols, names in shared.items():
        lines += [f"{', '.join(names)}:"] if len(shared) > 1 else []
        for heading, protocol in protocols:
            lines += wrap(f"{heading:{width}}{protocol}", WIDTH, subsequent_indent=" " * width)
    return lines


def _of_row(results: Results) -> tuple[tuple[str, str], ...]:
    """Each heading with its protocol."""
    found = []
    for heading, names in by_heading(results).items():
        spread = SPREAD if any(results[name].get("draws", 1) > 1 for name in names) else ""
        found.append((heading, merged([results[name]["protocol"] for name in names]) + spread))
    return tuple(found)


def merged(protocols: Sequence[str]) -> str:
    """One protocol from several: what is equal once, what differs side by side."""
    parts = zip(*(protocol.split("; ") for protocol in protocols), strict=True)
    return "; ".join(_side_by_side(list(dict.fromkeys(part))) for part in parts)


def _side_by_side(phrases: Sequence[str]) -> str:
    """Phrases that differ in one word share the others."""
    groups: list[list[list[str]]] = []
    for words in (phrase.split(" ") for phrase in phrases):
        for group in groups:
            if len(_differing([*group, words])) == 1:
                group.append(words)
                break
        else:
            groups.append([words])
    shared = ([dict.fromkeys(place) for place in zip(*group, strict=True)] for group in groups)
    return " / ".join(" ".join(", ".join(place) for place in places) for places in shared)


def _differing(phrases: Sequence[Sequence[str]]) -> list[int]:
    """The places of the words that differ; empty for phrases of different lengths."""
    if len({len(words) for words in phrases}) > 1:
        return []
    return [place for place, words in enumerate(zip(*phrases, strict=True)) if len(set(words)) > 1]
