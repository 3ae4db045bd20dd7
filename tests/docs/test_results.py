"""Every figure that README states is in a file of results/, which a command wrote."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs import speed_tables
from tests.benchmarks.__main__ import MODULES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "results").glob("*.json"))}
# The heading of the first column of README's tables with figures.
DIGITS, CIFAR, VIEWS = "test digits, frozen features", "CIFAR-10, ", "against lightly "
NUMBER = r"\d[\d,]*(?:\.\d+)?"


def tables() -> Iterator[list[list[str]]]:
    """README's tables: their rows, less the line below the heading, as cells."""
    for block in re.findall(r"(?:^\|.*\n)+", README, flags=re.MULTILINE):
        rows = [
            [cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in block.splitlines()
        ]
        yield [row for row in rows if not re.fullmatch(r"[-|]+", "".join(row))]


def table(heading: str) -> dict[str, list[str]]:
    """The cells of a table's rows, by their first."""
    (found,) = [rows for rows in tables() if rows[0][0].startswith(heading)]
    return {row[0]: row[1:] for row in found[1:]}


def as_shown(value: float, shown: str) -> str:
    """A value with as many digits as are shown."""
    digits = len(shown.partition(".")[2])
    return f"{value:,.{digits}f}"


def assert_shown(cells: list[str], *values: float) -> None:
    assert cells == [as_shown(value, cell) for value, cell in zip(values, cells, strict=True)]


def test_the_figures_of_the_demonstration_are_those_of_its_file() -> None:
    rows, demo = table(DIGITS), RESULTS["demo"]
    names = {"SimCLR": "simclr_scattered_digits", "MoCo v2": "moco_v2_scattered_digits"}
    assert [row.partition(",")[0] for row in rows] == ["raw pixels", "untrained network", *names]
    for row, cells in rows.items():
        title, _, epochs = row.partition(", ")
        accuracy = demo["accuracy"][names.get(title, title)]
        assert_shown(cells, accuracy["knn"], accuracy["linear_10"])
        assert epochs == (f"{demo['trained'][names[title]]['epochs']} epochs" if title in names else "")


def test_the_figures_of_cifar_10_are_those_of_their_runs() -> None:
    for row, cells in table(CIFAR).items():
        if row == "untrained":
            assert_shown(cells, RESULTS["untrained_cifar10_cpu"]["results"]["knn"]["accuracy"])
        else:
            (experiment,) = re.findall(r"experiment=(\w+)", row)
            assert_shown(cells, RESULTS[experiment]["knn_top1"])


def test_the_figures_beside_lightly_are_those_of_the_benchmark() -> None:
    (heading,) = [rows[0][0] for rows in tables() if rows[0][0].startswith(VIEWS)]
    assert heading.removeprefix(VIEWS) == RESULTS["bench"]["versions"]["lightly"]
    measured = {
        f"{row['work']} ({row['unit']})": row
        for part in RESULTS["bench"]["parts"].values()
        for row in part["rows"]
        if "lightly" in row.get("peers", {})
    }
    for name, cells in table(VIEWS).items():
        assert_shown(cells, measured[name]["ours"], measured[name]["peers"]["lightly"])


def test_the_page_of_speed_shows_the_figures_of_the_benchmark() -> None:
    page = speed_tables.PAGE.read_text(encoding="utf-8")
    assert speed_tables.written(page, RESULTS["bench"]) == page, "run `make docs`"


def test_the_figures_of_the_benchmark_are_those_of_a_whole_run() -> None:
    assert RESULTS["bench"]["command"] == "python -m tests.benchmarks"
    parts = RESULTS["bench"]["parts"]
    assert list(parts) == list(MODULES)
    assert {part["end"] for part in parts.values()} == {"done"}


def test_no_table_of_figures_is_left_out() -> None:
    with_figures = [
        rows for rows in tables() if any(re.fullmatch(NUMBER, c) for row in rows[1:] for c in row)
    ]
    known = [rows for rows in with_figures if rows[0][0].startswith((DIGITS, CIFAR, VIEWS))]
    others = [rows[0] for rows in with_figures if rows not in known]
    assert others == []


@pytest.mark.parametrize("name", RESULTS)
def test_a_file_tells_seed_commit_and_machine_and_names_nobody(name: str) -> None:
    found: dict[str, Any] = RESULTS[name]
    assert found["seed"] == 0
    assert re.fullmatch(r"[0-9a-f]{40}(\+changes)?", found["commit"])
    assert set(found["machine"]) == {"processor", "cores", "threads", "gpus"}
    assert found["versions"]["torch"]
    text = (ROOT / "results" / f"{name}.json").read_text()
    for private in (socket.gethostname(), "/home/", "/root", "/tmp", "/work"):
        assert private not in text, private


def test_the_page_of_the_results_names_every_file() -> None:
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)\.json`", page, flags=re.MULTILINE)) >= set(RESULTS)
