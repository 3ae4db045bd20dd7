"""Whatever overrides are given, `cl-train` trains, or ends with one line of ours that says why."""

import json
import sys
from typing import Any

import pytest

from tests import warm
from tests.cli.command import environment
from tests.fuzz.outcomes import fault
from tests.warm import ROOT


def outcomes(first: int, count: int) -> list[dict[str, Any]]:
    """How the cases from number `first` end. In a process without threads, which may be copied for each."""
    command = [sys.executable, "-m", "tests.fuzz.outcomes", str(first), str(count)]
    ended = warm.run(command, ROOT, environment(PYTHONPATH=str(ROOT)), timeout=7000)
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(found) == count, ended.stderr
    return found


def assert_without_fault(found: list[dict[str, Any]]) -> None:
    for case in found:
        told = " ".join(case["arguments"])
        assert case["fault"] is None, f"case {case['number']}: {case['fault']}\n{told}\n{case['err']}"


@pytest.mark.timeout(600)
def test_random_overrides_train_or_are_refused_in_one_line() -> None:
    found = outcomes(16, 20)
    assert_without_fault(found)
    trained = sum(case["code"] == 0 for case in found)
    assert 2 <= trained <= 18, "both ends are to be met"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_many_more_random_overrides_train_or_are_refused_in_one_line() -> None:
    assert_without_fault(outcomes(1000, 250))


REFUSED: dict[str, Any] = {
    "arguments": ["seed=-1"],
    "code": 1,
    "out": "",
    "err": "warning: x\ncl-train: seed is -1; accepted: 0\n",
    "left": [],
}
FAULTY = {
    "traceback": REFUSED | {"err": "Traceback (most recent call last):\nKeyError: 'x'\n"},
    "more than one line": REFUSED | {"err": "cl-train: one\ncl-train: two\n"},
    "left files before the first step": REFUSED | {"left": ["runs", "runs/x"]},
    "exit -14": REFUSED | {"code": -14},
    "exit 0 without a summary": REFUSED | {"code": 0},
}


@pytest.mark.parametrize("what", FAULTY)
def test_a_fault_is_seen(what: str) -> None:
    assert fault(FAULTY[what]) == what
    assert fault(REFUSED) is None
    assert fault(REFUSED | {"code": 0, "left": ["runs/x/summary.json"]}) is None
    assert fault(REFUSED | {"code": 0, "arguments": ["trainer.fast_dev_run=true"]}) is None
