"""One picture of a benchmark: how many times better than its peer each work is."""

import json
from pathlib import Path
from typing import Any

from matplotlib.ticker import NullLocator

from cl_lightning.plots.canvas import Margins, figure
from tests.benchmarks.measured import number

WIDTH, ROW = 8.4, 0.3  # inches
MARGINS = Margins(left=4.15, right=0.7, top=0.6, bottom=0.3)
BETTER, WORSE, EVEN = "#2a7ab9", "#c1592f", 0.005
LEFT_OUT = ("monitoring", "epochs")  # what they compare is no peer


def bars(found: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Work, peer and how many times better, for the first peer of each row."""
    shown = []
    for name, part in found["parts"].items():
        for row in part["rows"] if name not in LEFT_OUT else []:
            for peer, better in list(row.get("times_better", {}).items())[:1]:
                shown.append((f"{row['work']}{memory(row)}", peer, better))
    return shown


def memory(row: dict[str, Any]) -> str:
    return ", memory" if row["unit"] == "MiB" else ""


def write(figures: Path, to: Path) -> None:
    """Draw the figures of a file; nothing if no work has a peer."""
    shown = bars(json.loads(figures.read_text(encoding="utf-8")))
    if not shown:
        return
    height = MARGINS.top + MARGINS.bottom + ROW * len(shown)
    picture = figure(WIDTH, height, MARGINS)
    axes = picture.subplots()
    places = range(len(shown))
    better = [value for *_, value in shown]
    axes.barh(
        places,
        [value - 1 for value in better],
        left=1,
        height=0.62,
        color=[BETTER if value >= 1 else WORSE for value in better],
    )
    for place, value in zip(places, better, strict=True):
        where = {"xy": (max(value, 1), place), "xytext": (4, 0), "textcoords": "offset points"}
        axes.annotate(f"{number(value)} ×", **where, va="center", fontsize=9)
    axes.set_xscale("log")
    axes.set_xlim(min(0.5, *better) * 0.9, max(better) * 1.6)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(places, [f"{work}  ({peer})" for work, peer, _ in shown], fontsize=9)
    axes.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["½", "1", "2", "5", "10", "20", "50"], fontsize=9)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.axvline(1, color="0.25", linewidth=1)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    title = "How many times faster or smaller than the peer in brackets (log)"
    picture.text(0.02, 1 - 0.3 / height, title, fontsize=11, va="center")
    picture.savefig(to, dpi=160, facecolor="white")
