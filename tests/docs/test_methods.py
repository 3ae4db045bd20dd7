"""METHODS.md names every option and key there is, none that is not, and their defaults."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from cl_lightning.callbacks.geometry import LOGGED
from cl_lightning.runs.loggers import flat
from tests.runs.configs import OPTIONS, composed

PAGE = (Path(__file__).parents[2] / "METHODS.md").read_text(encoding="utf-8")
GROUPS = sorted({group for group, _ in OPTIONS})
KEYED = ("views", "encoder", "loss", "optimizer", "schedule", "method")
CALLBACKS = ("callbacks.momentum_encoder", "callbacks.negative_queue", "callbacks.knn")
CODE = re.findall(r"`([^`\n]+)`", PAGE)
CHOICES = [code for code in CODE if re.fullmatch(rf"({'|'.join(GROUPS)})=\w+", code)]
KEYS = [code for code in CODE if re.fullmatch(rf"({'|'.join(GROUPS)})(\.\w+)+(=[\w.-]+)?", code)]
NO_SUCH_KEY = "–"


def config(*overrides: str) -> dict[str, Any]:
    """What `cl-train *overrides` composes, by key; references as they stand."""
    return flat(OmegaConf.to_container(composed(*overrides)))  # type: ignore[arg-type]


def is_a_key_of(name: str, keys: dict[str, Any]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for key in keys)


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def stated_defaults() -> list[tuple[str, str, str]]:
    """(choice, key, value) of every cell below a choice."""
    stated = []
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, flags=re.MULTILINE):
        head, _, *body = rows(table)
        columns = {i: cell.strip("`") for i, cell in enumerate(head) if cell.strip("`") in CHOICES}
        stated += [(choice, row[0].strip("`"), row[i]) for row in body for i, choice in columns.items()]
    return stated


DEFAULTS = stated_defaults()


def keys_of(group: str, option: str) -> set[str]:
    choice = [f"{group}={option}", *(["method=moco_v2"] if option in ("moco_v2", "info_nce") else [])]
    labels = ("_target_", "_partial_", "name")
    watched = (f"{group}.",) if group in KEYED else CALLBACKS
    return {k for k in config(*choice) if k.startswith(watched) and k.rpartition(".")[2] not in labels}


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_is_named(group: str) -> None:
    assert [o for g, o in OPTIONS if g == group and f"{g}={o}" not in CHOICES] == []


@pytest.mark.parametrize("group", [*KEYED, "callbacks"])
def test_every_key_has_its_default(group: str) -> None:
    named = {key for _, key, _ in DEFAULTS}
    for option in [o for g, o in OPTIONS if g == group]:
        assert keys_of(group, option) - named == set(), option


def test_every_callback_is_named() -> None:
    for name in composed("method=moco_v2")["callbacks"]:
        assert is_a_key_of(f"callbacks.{name}", dict.fromkeys(KEYS)), name


@pytest.mark.parametrize("choice", sorted({choice for choice, _, _ in DEFAULTS}))
def test_the_defaults_are_those_of_the_config(choice: str) -> None:
    keys = config(choice)
    for _, key, cell in (stated for stated in DEFAULTS if stated[0] == choice):
        if cell == NO_SUCH_KEY:
            assert not is_a_key_of(key, keys), key
            continue
        value = f"${{{cell[1:-1]}}}" if cell.startswith("`") else yaml.safe_load(cell)
        wanted = pytest.approx(value, rel=1e-4) if isinstance(value, (float, list)) else value
        assert keys[key] == wanted, key


@pytest.mark.parametrize("choice", sorted(set(CHOICES)))
def test_every_option_that_is_named_is_there(choice: str) -> None:
    assert tuple(choice.split("=")) in OPTIONS


def test_every_key_that_is_named_is_there() -> None:
    options = ("views=digits", "encoder=timm", "encoder=small_resnet", "optimizer=adamw", "optimizer=lars")
    data = ("data=image_folder", "data=imagenette", "logger=wandb", "logger=mlflow")
    known: dict[str, Any] = {}
    for choice in (*options, *data, "method=moco_v2"):
        known |= config(choice)
    assert [key for key in KEYS if not is_a_key_of(key.split("=")[0], known)] == []


@pytest.mark.parametrize("name", LOGGED)
def test_every_measure_of_the_embeddings_is_explained(name: str) -> None:
    assert re.search(rf"^\| `{name}` \| .+ \| .+ \|$", PAGE, flags=re.MULTILINE)


def test_every_row_fills_its_table() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, flags=re.MULTILINE):
        assert len({len(row) for row in rows(table)}) == 1, table.splitlines()[0]


def test_enough_of_the_page_is_read() -> None:
    assert len(DEFAULTS) > 80
    assert len(set(KEYS)) > 60
