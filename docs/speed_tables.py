"""Writes the tables of docs/speed.md (`make docs`) from results/bench.json, which `make bench` wrote."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cl_lightning.text_table import Column
from tests.benchmarks.measured import comparison, growing
from tests.benchmarks.results import heading

ROOT = Path(__file__).parents[1]
PAGE, FIGURES = ROOT / "docs" / "speed.md", ROOT / "results" / "bench.json"


def written(text: str, found: dict[str, Any]) -> str:
    """The page with the blocks between its markers written anew."""
    rows = [row for part in found["parts"].values() for row in part["rows"]]
    blocks = {
        "where": f"{heading(found)}.",
        "rows": markdown(comparison([row for row in rows if "peers" in row])),
        "growth": markdown(growing([row for row in rows if "by" in row])),
    }
    for name, block in blocks.items():
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{head}<!-- {name} -->\n\n{block}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return text


def markdown(columns: Sequence[Column]) -> str:
    """The table as a page has it."""
    sides = {"left": "---", "right": "---:"}
    lines = [[column.head for column in columns], [sides[column.side] for column in columns]]
    lines += map(list, zip(*(column.cells for column in columns), strict=True))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    text = written(PAGE.read_text(encoding="utf-8"), json.loads(FIGURES.read_text(encoding="utf-8")))
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
