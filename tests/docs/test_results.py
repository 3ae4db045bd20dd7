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
DIGITS, CIFAR, PHOTOS = "test digits, frozen features", "CIFAR-10, ", "400 photos "
ABSENT = "–"
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


def evaluated(*names: str) -> dict[str, Any]:
    """The results of evaluations of one encoder, by their names."""
    return {key: result for name in names for key, result in RESULTS[name]["results"].items()}


def assert_evaluated(cells: list[str], columns: list[str], results: dict[str, Any]) -> None:
    shown = {column: cell for column, cell in zip(columns, cells, strict=True) if cell != ABSENT}
    assert shown.keys() == {column for column in columns if column in results}
    for column, cell in shown.items():
        accuracy, _, spread = cell.partition(" +- ")
        result = results[column]
        assert accuracy == as_shown(result.get("accuracy", result.get("value")), accuracy)
        assert spread == (as_shown(result["std"], spread) if result.get("draws", 1) > 1 else "")


def test_the_figures_of_cifar_10_are_those_of_their_runs() -> None:
    columns = ["knn_k200_T0.1", "linear_all", "linear_1%", "finetune_all", "recall_1"]
    experiments = 0
    for row, cells in table(CIFAR).items():
        if "moco" in row:
            assert cells[1:] == [ABSENT] * 4
            assert_shown(cells[:1], RESULTS["moco_v2_cifar10_cpu"]["knn_top1"])
            continue
        (name,) = re.findall(r"untrained|pixels|simclr_cifar10_cpu", row)
        results = evaluated(f"cifar10_{name.removesuffix('_cifar10_cpu')}")
        assert_evaluated(cells, columns, results)
        if "experiment" in row:
            experiments += 1
            assert results["knn_k200_T0.1"]["accuracy"] == RESULTS[name]["knn_top1"]
    assert experiments == 1


def test_the_figures_of_the_photos_are_those_of_their_evaluations() -> None:
    columns = ["knn", "linear_all", "linear_10", "finetune_all", "recall_1"]
    of = {"random": ["untrained"], "ImageNet": ["starting", "imagenet"], "the same, then": ["query"]}
    rows = table(PHOTOS)
    for (begins, names), (row, cells) in zip(of.items(), rows.items(), strict=True):
        assert row.startswith(begins)
        assert_evaluated(cells, columns, evaluated(*(f"photos_{name}" for name in names)))


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
    known = [rows for rows in with_figures if rows[0][0].startswith((DIGITS, CIFAR, PHOTOS))]
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
    assert set(re.findall(r"`(\w+)\.json`", page)) >= set(RESULTS)
