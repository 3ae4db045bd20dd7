"""METHODS.md as its tests read it: the options and keys that it names, its tables, the defaults it states."""

import re
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from cl_lightning.runs.loggers import flat
from tests.small import OPTIONS, composed

PAGE = (Path(__file__).parents[2] / "METHODS.md").read_text(encoding="utf-8")
GROUPS = sorted({group for group, _ in OPTIONS})
CODE = re.findall(r"`([^`\n]+)`", PAGE)
CHOICES = [code for code in CODE if re.fullmatch(rf"({'|'.join(GROUPS)})=\w+", code)]
KEYS = [code for code in CODE if re.fullmatch(rf"({'|'.join(GROUPS)}|run)(\.\w+)+(=[\w.-]+)?", code)]
EVERY_CHOICE = "default"  # head of a column of values that no choice changes


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


TABLES = [rows(table) for table in re.findall(r"(?:^\|.*\n)+", PAGE, flags=re.MULTILINE)]


def config(*overrides: str) -> dict[str, Any]:
    """What `cl-train *overrides` composes, by key; references as they stand."""
    keys = flat(OmegaConf.to_container(composed(*overrides)))  # type: ignore[arg-type]
    return {key: unless_short(value) for key, value in keys.items()}


def unless_short(value: Any) -> Any:
    """The number of a warm-up that a short run shortens."""
    found = re.fullmatch(r"\$\{unless_short:(.+)\}", str(value))
    return yaml.safe_load(found[1]) if found else value


def stated_defaults() -> list[tuple[str, str, str]]:
    """(choice, key, value) of every cell below a choice."""
    stated = []
    for head, _, *body in TABLES:
        columns = {i: cell.strip("`") for i, cell in enumerate(head)}
        values = {i: cell for i, cell in columns.items() if cell in (*CHOICES, EVERY_CHOICE)}
        stated += [(choice, row[0].strip("`"), row[i]) for row in body for i, choice in values.items()]
    return stated


def logged() -> set[str]:
    """The metrics that are explained, such as train/loss."""
    named = set()
    for (first, *_), _, *body in TABLES:
        stages = re.findall(r"`(\w+/)`", first) or [""]
        if first.startswith("logged"):
            named |= {stage + row[0].strip("`") for row in body for stage in stages}
    return named
