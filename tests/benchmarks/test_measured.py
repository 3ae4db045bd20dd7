"""Figures of benchmarks mean what they say, and a difference is noticed before anything is timed."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.pairs import simclr_views
from tests.benchmarks import losses_against_peers, picture, views_against_peers
from tests.benchmarks.interleaved import medians
from tests.benchmarks.measured import DifferentError, Growth, Row, tables

FAST = Row("sums", "ms", 2.0, {"lightly": 8.0})
HIGH = Row("views", "views/s", 30.0, {"lightly": 10.0, "kornia": 60.0}, high_is_better=True)
SQUARE = Growth("loss", "ms", "pairs", {n: 0.001 * n**2 for n in (64, 128, 1024)})


def test_times_better_is_above_one_where_ours_is_faster_smaller_or_higher() -> None:
    assert FAST.times_better == {"lightly": 4.0}
    assert HIGH.times_better == {"lightly": 3.0, "kornia": 0.5}


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_exponent_is_that_of_the_growth(exponent: float) -> None:
    growth = Growth("loss", "ms", "pairs", {n: 3 * n**exponent for n in (16, 64, 1000)})
    assert growth.exponent == pytest.approx(exponent)


def test_all_figures_are_in_the_text_and_survive_json() -> None:
    found = [each.plain() for each in (FAST, HIGH, SQUARE)]
    assert json.loads(json.dumps(found)) == found
    lines = tables(found)
    assert [line.split() for line in lines if line.startswith("views")] == [
        ["views", "views/s", "30.0", "lightly", "10.0", "3.00"],
        ["views", "views/s", "30.0", "kornia", "60.0", "0.500"],
    ]
    (growing,) = [line for line in lines if line.startswith("loss")]
    assert growing.endswith("64: 4.10, 128: 16.4, 1,024: 1,049      2.00")


def test_works_take_turns_and_a_slow_one_does_not_shorten_a_fast_one() -> None:
    calls: list[str] = []

    def slow() -> None:
        calls.append("slow")
        end = time.process_time() + 0.03
        while time.process_time() < end:
            pass

    found = medians({"slow": slow, "fast": lambda: calls.append("fast")}, seconds=0.2)
    assert found["slow"] > 100 * found["fast"]
    turns = "".join(name[0] for name in calls).replace("f", "")
    assert len(turns) >= 4
    assert "sf" in "".join(name[0] for name in calls[-3:]) or calls[-1] == "fast"


def test_a_loss_that_differs_from_its_peer_is_refused() -> None:
    inputs = [torch.randn(8, 16, requires_grad=True) for _ in range(2)]
    ours = losses_against_peers.ours
    losses_against_peers.check("nt_xent", ours, "itself", ours, *inputs)
    with pytest.raises(DifferentError, match="nt_xent"):
        losses_against_peers.check("nt_xent", ours, "other", lambda a, b: 1.001 * ours(a, b), *inputs)


def test_a_loss_with_other_gradients_is_refused() -> None:
    inputs = [torch.randn(8, 16, requires_grad=True) for _ in range(2)]

    def stopped(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return losses_against_peers.ours(a, b.detach()) + 0 * b.sum()

    with pytest.raises(DifferentError):
        losses_against_peers.check("nt_xent", losses_against_peers.ours, "other", stopped, *inputs)


@pytest.mark.parametrize("cropped", [False, True])
def test_views_that_differ_between_their_two_paths_are_refused(
    cropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = simclr_views(40)
    views_against_peers.check_paths(views, 40, 50, cropped)
    monkeypatch.setattr(views_against_peers, "TOLERANCE", 0.0)
    with pytest.raises(DifferentError):
        views_against_peers.check_paths(views, 40, 50, cropped)


def figures(folder: Path, *rows: Any) -> Path:
    file = folder / "bench.json"
    file.write_text(json.dumps({"parts": {"views": {"rows": [row.plain() for row in rows]}}}))
    return file


def test_the_picture_has_a_bar_for_each_work_with_a_peer(tmp_path: Path) -> None:
    file = figures(tmp_path, FAST, HIGH, SQUARE, Row("demo", "s", 200.0))
    assert picture.bars(json.loads(file.read_text())) == [("sums", "lightly", 4.0), ("views", "lightly", 3.0)]
    picture.write(file, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_there_is_no_picture_of_nothing(tmp_path: Path) -> None:
    picture.write(figures(tmp_path, SQUARE), tmp_path / "bench.png")
    assert not (tmp_path / "bench.png").exists()


def test_a_flat_cost_has_exponent_zero() -> None:
    assert math.isclose(Growth("memory", "MiB", "epochs", {10: 835.0, 50: 835.0}).exponent, 0.0)
