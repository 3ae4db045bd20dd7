"""A text table with the evaluations of several encoders."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from cl_lightning.text_table import Column, text_table

Results = Mapping[str, Mapping[str, Any]]
WIDTH = 110
KNN, LINEAR = "kNN     ", "linear  "


def table(rows: Mapping[str, Results]) -> str:
    """One line for each encoder, and below the lines the protocol of the numbers.

    Args:
        rows: for each name its results: `knn`, `linear_1`, ..., `linear_all`, with the same keys in each row.
            A result has `accuracy`, `protocol` (phrases joined by "; ") and, if it is a mean, `std` and
            `draws`.
    """
    names = next(iter(rows.values()))
    columns = [Column(_title(name), [_cell(results[name]) for results in rows.values()]) for name in names]
    return "\n".join([*text_table([Column("", list(rows)), *columns]), "", *_protocols(rows)])


def _title(column: str) -> str:
    method, _, labels = column.partition("_")
    if method == "knn":
        return "kNN"
    return "linear, all labels" if labels == "all" else f"linear, {labels} a class"


def _cell(result: Mapping[str, Any]) -> str:
    return f"{result['accuracy']:.3f}" + (f" +- {result['std']:.3f}" if result.get("draws", 1) > 1 else "")


def _protocols(rows: Mapping[str, Results]) -> list[str]:
    """The protocol of each method; only once if all rows share it."""
    shared: dict[tuple[str, ...], list[str]] = {}
    for name, results in rows.items():
        shared.setdefault(_of_row(results), []).append(name)
    lines: list[str] = []
    for protocols, names in shared.items():
        lines += [f"{', '.join(names)}:"] if len(shared) > 1 else []
        for protocol in protocols:
            lines += wrap(protocol, WIDTH, subsequent_indent=" " * len(KNN))
    return lines


def _of_row(results: Results) -> tuple[str, ...]:
    linear = [result for column, result in results.items() if column != "knn"]
    spread = " (+-: standard deviation over draws)" if any(result["draws"] > 1 for result in linear) else ""
    merged = _merged([result["protocol"] for result in linear])
    return f"{KNN}{results['knn']['protocol']}", f"{LINEAR}{merged}{spread}"


def _merged(protocols: list[str]) -> str:
    """One protocol from several: what is equal once, what differs side by side."""
    parts = zip(*(protocol.split("; ") for protocol in protocols), strict=True)
    return "; ".join(" / ".join(dict.fromkeys(part)) for part in parts)
