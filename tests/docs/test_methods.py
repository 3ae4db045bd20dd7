"""METHODS.md is what `make docs` writes, and names every option, key and metric there is, and no other."""

import csv
import re
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger

from cl_lightning.callbacks import KNNMonitor, Throughput
from docs.methods_tables import PAGE, composed, has_row, written
from tests import small
from tests.small import OPTIONS

TEXT = PAGE.read_text(encoding="utf-8")
ROWS = set(re.findall(r"^\| `([^`]+)` \|", TEXT, flags=re.MULTILINE))
GROUPS = sorted({group for group, _ in OPTIONS})
CODE = re.findall(r"`([^`\n]+)`", TEXT)
# Arguments of Lightning's classes, which Lightning explains.
LIGHTNINGS = ("trainer.", "logger.csv.", "logger.tensorboard.")


def options(group: str) -> list[str]:
    return [f"{group}={option}" for its_group, option in OPTIONS if its_group == group]


def test_the_tables_are_those_that_make_docs_writes() -> None:
    assert written(TEXT) == TEXT, "METHODS.md is not up to date; run `make docs`"


@pytest.mark.parametrize("group", GROUPS)
def test_every_option_has_its_row(group: str) -> None:
    assert set(options(group)) - ROWS == set()


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "experiment"])
def test_every_key_of_every_option_has_its_row(group: str) -> None:
    for choice in options(group):
        keys = {key for key in composed(choice)[0] if has_row(key, choice)}
        assert {key for key in keys - ROWS if not key.startswith(LIGHTNINGS)} == set(), choice


@pytest.mark.parametrize("method", options("method"))
def test_every_callback_has_its_row(method: str) -> None:
    assert {key for key in composed(method)[0] if re.fullmatch(r"callbacks\.\w+", key)} - ROWS == set()


def test_every_option_that_is_named_is_there() -> None:
    named = {code for code in CODE if re.fullmatch(rf"({'|'.join(GROUPS)})=\w+", code)}
    assert named - {choice for group in GROUPS for choice in options(group)} == set()


def test_every_key_that_is_named_is_there() -> None:
    named = {code.split("=")[0] for code in CODE if re.match(rf"({'|'.join(GROUPS)}|run)\.\w", code)}
    choices = [choice for group in GROUPS if group != "experiment" for choice in options(group)]
    assert named - {key for choice in choices for key in composed(choice)[0]} == set()


def test_every_metric_that_is_logged_is_explained_and_no_other(tmp_path: Path) -> None:
    # Enough steps for a full queue of keys, some of which are old.
    callbacks = [*small.moco_callbacks(momentum=0.999, length=192), KNNMonitor(k=4), Throughput()]
    logger = CSVLogger(tmp_path, name="", version="")
    data = small.data(images=256)
    data.broken.limit = 1  # as if the images were files
    watched = {"logger": logger, "limit_val_batches": 4, "log_every_n_steps": 4}
    small.trainer(*callbacks, **watched).fit(small.moco(), data)
    with (tmp_path / "metrics.csv").open(encoding="utf-8") as file:
        columns = next(csv.reader(file))
    assert set(columns) - {"epoch", "step"} == explained()


def explained() -> set[str]:
    """The metrics in the tables of what is logged, such as train/loss."""
    metrics = set()
    for head, body in re.findall(r"^\| logged(.*)\n((?:\|.*\n)+)", TEXT, flags=re.MULTILINE):
        names = re.findall(r"^\| `([^`]+)` \|", body, flags=re.MULTILINE)
        metrics |= {stage + name for stage in re.findall(r"`(\w+/)`", head) or [""] for name in names}
    return metrics
