"""How a new run differs from those that are there."""

import copy
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cl_lightning.runs import RunFolder
from cl_lightning.runs.nearest import nearest
from tests.small import SMALL, config


@pytest.fixture(scope="module")
def run() -> dict[str, Any]:
    return config(*SMALL)


def changed(run: dict[str, Any], **values: Any) -> dict[str, Any]:
    """`run` with other values, keys with __ for the point."""
    run = copy.deepcopy(run)
    for key, value in values.items():
        *parents, last = key.split("__")
        node = run
        for name in parents:
            node = node[name]
        node[last] = value
    return run


def kept(run: dict[str, Any]) -> Path:
    """The folder of a run that is there."""
    folder = RunFolder.of(run)
    with folder.locked():
        folder.prepare(run)
    return folder.path


def told(run: dict[str, Any]) -> str | None:
    return nearest(RunFolder.of(run), run)


def test_the_keys_that_differ_are_told_with_both_values(run: dict[str, Any]) -> None:
    path = kept(run)
    assert told(changed(run, loss__temperature=0.2)) == (
        f"differs from {path} in loss.temperature (0.1 there, 0.2 here)"
    )
    assert told(changed(run, data__train__limit=None, encoder__batch_norm="split")) == (
        f"differs from {path} in encoder.batch_norm ('sync' there, 'split' here), data.train.limit (absent "
        "there, null here)"
    )


def test_the_run_with_the_fewest_other_keys_is_the_nearest(run: dict[str, Any]) -> None:
    near, far = changed(run, seed=1), changed(run, seed=1, loss__temperature=0.3)
    path, _ = kept(near), kept(far)
    assert told(run) == f"differs from {path} in seed (1 there, 0 here)"


def test_of_many_keys_four_are_told(run: dict[str, Any]) -> None:
    kept(run)
    other = changed(run, seed=1, loss__temperature=1, optimizer__lr=1, trainer__max_epochs=9)
    assert "more" not in str(told(other))
    message = str(told(changed(other, data__batch_size=4, encoder__layers=3)))
    assert message.count(" there, ") == 4
    assert message.endswith(" and 2 more")


def test_what_is_no_part_of_the_hash_is_no_difference(run: dict[str, Any]) -> None:
    kept(changed(run, data__num_workers=3, trainer__devices=2, trainer__log_every_n_steps=7, logger={}))
    assert told(run) is None
    assert str(told(changed(run, seed=1))).endswith(" in seed (0 there, 1 here)")


def test_a_key_that_is_hashed_of_one_run_only_is_a_difference(run: dict[str, Any]) -> None:
    kept(run)
    skipping = changed(run, callbacks__finite_guard__max_skipped=3)
    assert str(told(skipping)).endswith(" in callbacks.finite_guard.max_skipped (0 there, 3 here)")


def test_numbers_that_are_hashed_as_two_are_told_as_two(run: dict[str, Any]) -> None:
    kept(changed(run, optimizer__lr=1))
    assert str(told(changed(run, optimizer__lr=1.0))).endswith(" in optimizer.lr (1 there, 1.0 here)")


def test_runs_of_another_name_are_not_compared_with(run: dict[str, Any]) -> None:
    kept(changed(run, seed=1, run__name="other"))
    assert told(run) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "3", "{", "run: {name: NAME}", "run: NAME", "run: {name: NAME}\ndata: {name: x}", "\0", "é"],
)
def test_a_config_that_is_none_of_ours_is_passed_over(text: str, run: dict[str, Any]) -> None:
    other = Path("runs", "other", "config.yaml")
    other.parent.mkdir(parents=True)
    other.write_bytes(text.replace("NAME", run["run"]["name"]).encode("latin-1"))
    Path("runs", "unreadable", "config.yaml").mkdir(parents=True)
    assert told(run) is None
    path = kept(changed(run, seed=1))
    assert told(run) == f"differs from {path} in seed (1 there, 0 here)"


def test_two_hundred_runs_are_compared_within_four_seconds(run: dict[str, Any]) -> None:
    text = yaml.safe_dump(changed(run, seed=1), sort_keys=False)
    for number in range(200):
        path = Path("runs", f"run-{number:08x}")
        path.mkdir(parents=True)
        (path / "config.yaml").write_text(text.replace("temperature: 0.1", f"temperature: {number}"))
    began = time.process_time()
    assert " in seed (1 there, 0 here), loss.temperature (0 there, 0.1 here)" in str(told(run))
    assert time.process_time() - began < 4
