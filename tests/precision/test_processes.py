"""Low precision on two processes. They are started once, for all promises of this file."""

import math
from typing import Any

import pytest
import torch

from tests import small
from tests.precision.skipping import CASES, UnsharedOverflow, run
from tests.precision.trained import LOSSES, PRECISIONS, both_methods, every_precision, trainer
from tests.processes import run_on

# Which of the two overflows.
SKIPPING = {"several in a row": 0, "within an accumulation": 1, "of fused SGD": 1}


def trained(method: str, precision: str) -> dict[str, list[torch.Tensor]]:
    """All that four steps leave behind on this process."""
    module, own = getattr(small, method)(), small.moco_callbacks() if method == "moco" else []
    fit = trainer(precision, "cpu", *own, devices=2, strategy="ddp")
    fit.fit(module, datamodule=small.data())
    held = {
        "encoder": list(module.encoder.state_dict().values()),
        "loss": [fit.callback_metrics["train/loss"]],
    }
    if own:
        held |= {"key encoder": list(own[0].encoder.state_dict().values()), "queue": [own[1].keys]}
    return held


def everything() -> dict[str, Any]:
    row = CASES["several in a row"]
    return {
        "mistake": run(row, processes=2, on_rank=1, overflow=UnsharedOverflow).state,
        **{name: run(CASES[name], processes=2, on_rank=rank) for name, rank in SKIPPING.items()},
        **{(method, p): trained(method, p) for method in LOSSES for p in PRECISIONS},
    }


@pytest.fixture(scope="module")
def ranks() -> list[dict]:
    return run_on(2, everything)


def differing(first: dict[str, list[torch.Tensor]], second: dict[str, list[torch.Tensor]]) -> list[str]:
    """The parts that are not bit for bit the same on both processes."""
    return [part for part in first if not all(map(torch.equal, first[part], second[part]))]


@pytest.mark.parametrize("name", SKIPPING)
def test_nothing_moves_on_any_process_when_one_overflows(name: str, ranks: list[dict]) -> None:
    for ended in ranks:
        assert set(ended[name].changes.values()) == {CASES[name].changes}


@pytest.mark.parametrize("name", SKIPPING)
def test_processes_stay_identical_when_one_overflows(name: str, ranks: list[dict]) -> None:
    assert differing(*(ended[name].state for ended in ranks)) == []


def test_an_overflow_that_one_process_alone_sees_would_be_noticed(ranks: list[dict]) -> None:
    assert differing(*(ended["mistake"] for ended in ranks)) == ["weights", "key encoder", "queue"]


@both_methods
@every_precision
def test_every_precision_leaves_the_same_on_all_processes(
    method: str, precision: str, ranks: list[dict]
) -> None:
    held = [ended[method, precision] for ended in ranks]
    assert differing(*held) == []
    assert math.isfinite(held[0]["loss"][0])
