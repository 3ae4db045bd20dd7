"""Each value of a recipe names its source."""

import re
from pathlib import Path

import pytest

from tests.runs.configs import CONF

RECIPES = sorted((CONF / "experiment").glob("*.yaml"))
# What a recipe is about, rather than a value: its method and data, which its head names, and its parents.
ABOUT = re.compile(r"defaults:|- override /(method|data): \w+|- \w+|name: \w+")
PAPER = re.compile(r"arXiv \d{4}\.\d{5}")


def without_source(recipe: str) -> list[str]:
    """The lines with a value that no source is named for.

    A source stands first in the comment of a line, or of a line above that it belongs to: `ours`, a paper, or
    a letter or section that the comment at the head explains. `Ours` at the head stands for all lines.
    """
    lines = recipe.splitlines()
    head = " ".join(line for line in lines if line.startswith("#"))
    if re.search(r"\bOurs\b", head):
        return []
    explained = {"ours", *re.findall(r"\(([A-Z])\)", head), *re.findall(r"\b[A-Z]\.\d+\b", head)}
    unsourced, sourced_above = [], -1  # the indent of a line whose source holds for those below it
    for line in (line for line in lines if line and not line.startswith("#")):
        code, _, comment = line.partition(" #")
        indent = len(line) - len(line.lstrip())
        if indent <= sourced_above:
            sourced_above = -1
        first = re.split(r"[,;:]? ", comment.strip().rstrip(",;:"))[0]
        sourced = first.rstrip(",;:") in explained or PAPER.match(comment.strip()) is not None
        if code.endswith(":"):
            sourced_above = indent if sourced else sourced_above
        elif not (sourced or sourced_above >= 0 or ABOUT.fullmatch(code.strip())):
            unsourced.append(line)
    return unsourced


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda file: file.stem)
def test_every_value_of_a_recipe_names_its_source(recipe: Path) -> None:
    assert without_source(recipe.read_text(encoding="utf-8")) == []


HEAD = "# A recipe of arXiv 2002.05709, appendix B.9 (P).\n"


@pytest.mark.parametrize(
    ("line", "sourced"),
    [
        ("lr: 1.0", False),
        ("lr: 1.0 # P", True),
        ("lr: 1.0 # P: x 1024 / 256 = 4", True),
        ("lr: 1.0 # B.9, the best of three", True),
        ("lr: 1.0 # ours; P has none", True),
        ("lr: 1.0 # arXiv 1911.05722; P: 2.0", True),
        ("lr: 1.0 # of D, which the head does not explain", False),
        ("lr: 1.0 # D", False),
        ("views: # P\n  blur: 0.5", True),
        ("views:\n  blur: 0.5", False),
        ("views: # P\n  blur: 0.5\nloss:\n  temperature: 0.5", False),
        ("defaults:\n  - override /data: cifar10\n  - override /encoder: resnet50", False),
    ],
)
def test_a_value_without_source_is_found(line: str, sourced: bool) -> None:
    assert without_source(HEAD + line) == ([] if sourced else [line.splitlines()[-1]])
    assert without_source("# Ours.\n" + line) == []
