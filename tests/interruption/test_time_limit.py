"""How long a start may take, in all words that Lightning takes."""

from datetime import timedelta
from typing import Any

import pytest

from cl_lightning.interruption import OUT_OF_TIME, OutOfTime, duration

GIVEN = {
    "00:00:00:04": 4,
    "00:08:00:00": 8 * 3600,
    " 10:00:00:00 ": 864_000,
    "100:23:59:59": 100 * 86_400 + 86_399,
}


@pytest.mark.parametrize("given", GIVEN)
def test_a_text_is_days_hours_minutes_and_seconds(given: str) -> None:
    assert duration(given) == timedelta(seconds=GIVEN[given])


def test_units_and_a_timedelta_are_taken_too() -> None:
    assert duration({"hours": 1, "minutes": 0.5}) == timedelta(seconds=3630)
    assert duration(timedelta(days=2)) == timedelta(days=2)


@pytest.mark.parametrize(
    "given",
    [
        *("00:00:00:00", "4", "1:00", "00:00:04", "00:00:00:004", "x", "", 4, 2.5, True, [], {}),
        *({"hours": -1}, {"hours": "1"}, {"hours": True}, {"moons": 1}, {"seconds": float("nan")}),
        *({"weeks": 10**12}, timedelta(), timedelta(seconds=-1)),
    ],
    ids=repr,
)
def test_all_else_is_refused_by_its_key(given: Any) -> None:
    with pytest.raises(ValueError, match=r"^trainer\.max_time is .*; accepted: more than 0, as 'DD:"):
        duration(given)


def test_the_exit_code_is_that_of_the_command_timeout_and_0_for_a_process_of_lightnings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (OutOfTime().code, OUT_OF_TIME) == (124, 124)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert OutOfTime().code == 0
    monkeypatch.setenv("RANK", "1")  # of torchrun
    assert OutOfTime().code == 124
