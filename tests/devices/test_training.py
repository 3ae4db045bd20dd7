"""A run on a device waits for nothing and copies nothing but what is meant, and computes what a CPU does."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.devices.device import SHAPE
from tests.devices.meant import ELSEWHERE, meant_in
from tests.devices.session import CARELESS, CASES, METHODS, RESUMED, WITHOUT

Runs = Callable[[str], dict[str, dict[str, Any]]]
FAST = [name for name in CASES["fast"] if name != CARELESS]
in_all = pytest.mark.parametrize(
    ("cases", "name"),
    [
        *(("fast", name) for name in FAST),
        *((WITHOUT, name) for name in CASES[WITHOUT]),
        *(pytest.param("slow", name, marks=pytest.mark.slow) for name in CASES["slow"]),
    ],
)


def unmeant(run: dict[str, Any], has_float64: bool) -> Iterable[str]:
    """What a run asked for, but should not (and something caught the error), or not so often."""
    for kind, phase, place, number in run["events"]:
        found = [m for m in meant_in(phase, has_float64) if (m.kind, m.place) == (kind, place)]
        if not found:
            yield f"{phase}: {number} x {kind} in {place}"
        elif found[0].often is not None and number != found[0].often * run["numbers"][found[0].per]:
            yield f"{phase}: {number} x {kind} in {place}, where {found[0]} is meant"


@in_all
def test_the_host_waits_for_nothing_and_copies_nothing_but_what_is_meant(
    cases: str, name: str, runs: Runs
) -> None:
    run = runs(cases)[name]
    assert run["stopped"] == ""
    assert list(unmeant(run, cases != WITHOUT)) == []


@in_all
def test_no_shape_of_a_step_depends_on_the_values_of_a_tensor(cases: str, name: str, runs: Runs) -> None:
    assert [e for e in runs(cases)[name]["events"] if e[:2] == [SHAPE, "steps"]] == []


@pytest.mark.parametrize("name", METHODS)
def test_a_device_computes_what_a_cpu_does(name: str, runs: Runs) -> None:
    assert runs("fast")[name]["difference"] < 1e-4


@pytest.mark.parametrize("name", CASES[WITHOUT])
def test_a_device_without_float64_computes_what_a_cpu_does(name: str, runs: Runs) -> None:
    assert runs(WITHOUT)[name]["difference"] < 1e-4


@pytest.mark.parametrize("name", RESUMED)
def test_a_resumed_run_on_a_device_is_the_uninterrupted_one(name: str, runs: Runs) -> None:
    assert runs("fast")[name]["resumed"]


def test_a_read_that_is_not_meant_stops_the_run_at_its_place(runs: Runs) -> None:
    stopped = runs("fast")[CARELESS]["stopped"]
    (asking,) = [frame for frame in stopped.split("  File ") if "/tests/devices/in_lightning.py" in frame]
    assert 'self.last = outputs["loss"].item()' in asking


def test_everything_that_is_meant_happens(runs: Runs) -> None:
    happened = {
        (cases, phase, kind, place)
        for cases in ("fast", WITHOUT)
        for run in runs(cases).values()
        for kind, phase, place, _ in run.get("events", ())
    }
    for phase in ("steps", *ELSEWHERE):
        for meant in meant_in(phase, has_float64=False):
            ways = {(cases, phase, meant.kind, meant.place) for cases in ("fast", WITHOUT)}
            assert ways & happened, f"{meant} no longer happens; take it out of meant.py"
