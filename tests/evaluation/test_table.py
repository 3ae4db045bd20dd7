"""The printed table: every number under its title, every protocol once."""

import re
from typing import Any

from cl_lightning.evaluation import table


def about(title: str, heading: str) -> dict[str, str]:
    return {"title": title, "heading": heading}


def row(accuracy: float, images: int = 60, stopped: str = "") -> dict[str, dict[str, Any]]:
    val = f"{images} validation images"
    few = {
        **about("linear, 5 a class", "linear"),
        "accuracy": accuracy - 0.1,
        "std": 0.02,
        "draws": 10,
        "protocol": f"probe; 5 labels a class; {val}",
    }
    everything = {
        **about("linear, all labels", "linear"),
        "accuracy": accuracy,
        "std": 0.0,
        "draws": 1,
        "protocol": f"probe; all{stopped}; {val}",
    }
    return {
        "knn": {**about("kNN", "kNN"), "accuracy": accuracy, "protocol": f"vote; {val}"},
        "linear_5": few,
        "linear_all": everything,
    }


def test_numbers_stand_under_their_titles() -> None:
    lines = table({"raw pixels": row(0.5), "a run with a longer name": row(0.75)}).splitlines()
    header, rule, first, second = lines[:4]
    assert set(rule) == {"-"}
    for title, cells in (
        ("kNN", ("0.500", "0.750")),
        ("linear, 5 a class", ("0.400 +- 0.020", "0.650 +- 0.020")),
        ("linear, all labels", ("0.500", "0.750")),
    ):
        place = header.index(title)
        assert (re.split("  +", first[place:])[0], re.split("  +", second[place:])[0]) == cells
    assert not any(line.endswith(" ") for line in lines)


def test_a_protocol_that_all_share_is_printed_once() -> None:
    text = table({"a": row(0.5), "b": row(0.6)})
    assert text.endswith(
        "\n\nkNN     vote; 60 validation images"
        "\nlinear  probe; 5 labels a class / all; 60 validation images (+-: standard deviation over draws)"
    )


def test_protocols_that_differ_name_their_rows() -> None:
    lines = table({"a": row(0.5), "b": row(0.6, images=99), "c": row(0.7)}).splitlines()
    assert lines[lines.index("a, c:") + 1] == "kNN     vote; 60 validation images"
    assert lines[lines.index("b:") + 1] == "kNN     vote; 99 validation images"


def test_a_stopped_fit_shows_in_its_row() -> None:
    text = table({"a": row(0.5, stopped=" (stopped)"), "b": row(0.6)})
    assert "a:\n" in text
    assert "5 labels a class / all (stopped);" in text
