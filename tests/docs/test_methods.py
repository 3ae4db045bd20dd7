"""METHODS.md names every option, key and metric there is, none that is not, their sources and defaults."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch.loggers import CSVLogger

from cl_lightning.callbacks import KNNMonitor, Throughput
from tests import tiny
from tests.docs.methods_page import (
    CHOICES,
    CODE,
    EVERY_CHOICE,
    GROUPS,
    KEYS,
    PAGE,
    TABLES,
    config,
    logged,
    stated_defaults,
)
from tests.runs.configs import OPTIONS, composed

# Of each group the keys that have a row with their default.
KEYED = {group: (f"{group}.",) for group in ("views", "encoder", "loss", "optimizer", "schedule", "method")}
KEYED["callbacks"] = tuple(
    f"callbacks.{c}."
    for c in (
        "momentum_encoder",
        "negative_queue",
        "knn",
        "finite_guard",
        "progress",
        "checkpoint",
        "preemption",
    )
)
KEYED["logger"] = ("logger.wandb.", "logger.mlflow.")
# Arguments of Lightning's classes, which Lightning explains.
LIGHTNINGS = ("trainer", "logger.csv", "logger.tensorboard")
HYDRAS = ("_target_", "_partial_")  # how Hydra makes an object: no choices of a user
NO_SUCH_KEY = "–"
DEFAULTS = stated_defaults()


def is_a_key_of(name: str, keys: dict[str, Any]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for key in keys)


def keys_of(group: str, option: str) -> set[str]:
    choice = [f"{group}={option}", *(["method=moco_v2"] if option in ("moco_v2", "info_nce") else [])]
    unstated = (*HYDRAS, "name")
    return {k for k in config(*choice) if k.startswith(KEYED[group]) and k.rpartition(".")[2] not in unstated}


def repeats(key: str, value: Any) -> bool:
    """Whether a key of a set's part stands for one of the set, such as data.train.root for data.root."""
    part, _, argument = key.rpartition(".")
    return part in ("data.train", "data.val", "data.bank") and value == f"${{data.{argument}}}"


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_is_named(group: str) -> None:
    assert [o for g, o in OPTIONS if g == group and f"{g}={o}" not in CHOICES] == []


@pytest.mark.parametrize("choice", [f"{g}={o}" for g, o in OPTIONS if g != "experiment"])
def test_every_key_of_an_option_is_named(choice: str) -> None:
    named = {*CODE, *(key.split("=")[0] for key in KEYS)}
    keys = {k: v for k, v in config(choice).items() if not k.startswith(tuple(f"{x}." for x in LIGHTNINGS))}
    ours = {k for k, v in keys.items() if not repeats(k, v) and k.rpartition(".")[2] not in HYDRAS}
    assert ours - named == set()


@pytest.mark.parametrize("prefix", LIGHTNINGS)
def test_keys_that_are_not_named_are_said_to_be_lightnings(prefix: str) -> None:
    paragraphs = [part for part in PAGE.split("\n\n") if not part.startswith("|")]
    assert any(f"`{prefix}`" in part and "Lightning's documentation" in part for part in paragraphs)


@pytest.mark.parametrize("group", KEYED)
def test_every_key_has_its_default(group: str) -> None:
    named = {key for _, key, _ in DEFAULTS}
    for option in [o for g, o in OPTIONS if g == group]:
        assert keys_of(group, option) - named == set(), option


def test_what_belongs_to_no_group_has_its_default() -> None:
    keys = {key for key in config() if key.split(".")[0] not in GROUPS}
    assert keys >= {"seed", "run.name", "run.root"}
    assert keys - {key for choice, key, _ in DEFAULTS if choice == EVERY_CHOICE} == set()


def test_every_callback_is_named() -> None:
    for name in {**composed("method=moco_v2")["callbacks"], **composed("method=nnclr")["callbacks"]}:
        assert is_a_key_of(f"callbacks.{name}", dict.fromkeys(KEYS)), name


@pytest.mark.parametrize("choice", sorted({choice for choice, _, _ in DEFAULTS}))
def test_the_defaults_are_those_of_the_config(choice: str) -> None:
    keys = config() if choice == EVERY_CHOICE else config(choice)
    for _, key, cell in (stated for stated in DEFAULTS if stated[0] == choice):
        if cell == NO_SUCH_KEY:
            assert not is_a_key_of(key, keys), key
            continue
        reference = cell[1:-1] if "$" in cell else f"${{{cell[1:-1]}}}"
        value = reference if cell.startswith("`") else yaml.safe_load(cell)
        numbers = isinstance(value, float) or (isinstance(value, list) and not isinstance(value[0], str))
        wanted = pytest.approx(value, rel=1e-4) if numbers else value
        assert keys[key] == wanted, key


@pytest.mark.parametrize("choice", sorted(set(CHOICES)))
def test_every_option_that_is_named_is_there(choice: str) -> None:
    assert tuple(choice.split("=")) in OPTIONS


def test_every_key_that_is_named_is_there() -> None:
    known: dict[str, Any] = {}
    for group, option in OPTIONS:
        known |= config(f"{group}={option}") if group != "experiment" else {}
    assert [key for key in KEYS if not is_a_key_of(key.split("=")[0], known)] == []


def test_every_metric_that_is_logged_is_explained_and_no_other(tmp_path: Path) -> None:
    # Enough steps for a full queue of keys, some of which are old.
    callbacks = [*tiny.moco_callbacks(momentum=0.999, length=192), KNNMonitor(k=4), Throughput()]
    logger = CSVLogger(tmp_path, name="", version="")
    data = tiny.data(images=256)
    data.broken.limit = 1  # as if the images were files
    watched = {"logger": logger, "limit_val_batches": 4, "log_every_n_steps": 4}
    tiny.trainer(*callbacks, **watched).fit(tiny.moco(), data)
    with (tmp_path / "metrics.csv").open(encoding="utf-8") as file:
        columns = next(csv.reader(file))
    assert set(columns) - {"epoch", "step"} == logged()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[2][0])
def test_every_row_fills_its_table_and_ends_in_a_source(table: list[list[str]]) -> None:
    assert {len(row) for row in table} == {len(table[0])}
    assert table[0][-1] == "source"
    assert [row for row in table if "" in row] == []
