"""What a benchmark measured, as plain data and as text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cl_lightning.text_table import Column, text_table

CPU_MS, CPU_SECONDS, MIB = "ms of CPU time", "s of CPU time", "MiB"


class DifferentError(Exception):
    """A fast path does not compute what its plain one does, so its time means nothing."""


@dataclass(frozen=True)
class Row:
    """One work, and the same work by others, all in `unit`."""

    work: str
    unit: str
    ours: float
    peers: Mapping[str, float] = field(default_factory=dict)
    high_is_better: bool = False

    @property
    def times_better(self) -> dict[str, float]:
        """For each peer how many times faster, smaller or higher ours is; below 1 it is worse."""
        if self.high_is_better:
            return {name: self.ours / value for name, value in self.peers.items()}
        return {name: value / self.ours for name, value in self.peers.items()}

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        shown = asdict(self) | {"times_better": self.times_better}
        return rounded(shown)


@dataclass(frozen=True)
class Growth:
    """The cost of one work at several sizes of what it is made of."""

    work: str
    unit: str
    by: str
    cost: Mapping[int, float]

    @property
    def exponent(self) -> float:
        """e in cost = a size^e, by least squares of the logarithms: 1 if twice the size costs twice."""
        points = [(math.log(size), math.log(cost)) for size, cost in self.cost.items()]
        x, y = (sum(column) / len(points) for column in zip(*points, strict=True))
        return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        cost = {str(size): value for size, value in self.cost.items()}
        return rounded(asdict(self) | {"cost": cost, "exponent": self.exponent})


Measured = Row | Growth


def rounded(value: Any) -> Any:
    """The same with numbers of four digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return value


def number(value: float) -> str:
    """Three digits, or a whole number: 0.123, 12.0, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def tables(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of a table of the rows and of one of the growths, each if there is any; `plain` data."""
    rows = [row for row in found if "peers" in row]
    growths = [row for row in found if "by" in row]
    lines = text_table(comparison(rows)) if rows else []
    if rows and growths:
        lines.append("")
    return lines + (text_table(growing(growths)) if growths else [])


def comparison(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns of a table with a line for each work and peer."""
    lines = [(row, peer) for row in rows for peer in row["peers"] or [""]]
    theirs = [row["peers"].get(peer) for row, peer in lines]
    better = [row["times_better"].get(peer) for row, peer in lines]
    return [
        Column("work", [row["work"] for row, _ in lines]),
        Column("unit", [row["unit"] for row, _ in lines]),
        Column("ours", [number(row["ours"]) for row, _ in lines], "right"),
        Column("peer", [peer for _, peer in lines]),
        Column("theirs", ["" if value is None else number(value) for value in theirs], "right"),
        Column("times better", ["" if value is None else number(value) for value in better], "right"),
    ]


def growing(growths: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns of a table with a line for each work: its costs, and how fast they grow."""
    costs = [
        ", ".join(f"{int(size):,}: {number(cost)}" for size, cost in growth["cost"].items())
        for growth in growths
    ]
    return [
        Column("work", [growth["work"] for growth in growths]),
        Column("by", [growth["by"] for growth in growths]),
        Column("unit", [growth["unit"] for growth in growths]),
        Column("cost", costs),
        Column("exponent", [f"{growth['exponent']:.2f}" for growth in growths], "right"),
    ]
