"""A run with broken files that are dealt with as the message advises trains."""

from collections.abc import Callable

import pytest

from tests.advice.cases import TRAIN, VAL, Case, Summary, evaluated, files, put, remove, take
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside


# A broken file that was removed after a run met it stays counted.
def left_out(number: int) -> Callable[[Summary], bool]:
    return lambda summary: len(summary["broken_files"]) == number


FIRST, SECOND = "photos/train/cat/1.png", "photos/train/dog/3.png"
BROKEN = {
    "one: repaired": Case(files(*TRAIN, *VAL, broken=(FIRST,)), "", "Repair it", put(FIRST), left_out(0)),
    "one: allowed": Case(
        files(*TRAIN, *VAL, broken=(FIRST,)), "", r"data\.max_broken=1", take("{0}"), left_out(1)
    ),
    "one: removed": Case(files(*TRAIN, *VAL, broken=(FIRST,)), "", "removed", remove(FIRST), left_out(1)),
    "one of validation: allowed": Case(
        files(*TRAIN, *VAL, broken=(VAL[0],)), "", r"data\.max_broken=1", take("{0}"), evaluated
    ),
    "more than allowed: repaired": Case(
        files(*TRAIN, *VAL, broken=(FIRST, SECOND)),
        "data.max_broken=1",
        "Repair them",
        put(SECOND),
        left_out(1),
    ),
    "more than allowed: more": Case(
        files(*TRAIN, *VAL, broken=(FIRST, SECOND)),
        "data.max_broken=1",
        "raise (data.max_broken)",
        take("{1}=2"),
        left_out(2),
    ),
    "more than allowed: removed": Case(
        files(*TRAIN, *VAL, broken=(FIRST, SECOND)),
        "data.max_broken=1",
        "removed",
        remove(SECOND),
        left_out(2),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_that_are_dealt_with_as_advised_let_the_run_train(case: str, train: Train) -> None:
    BROKEN[case].carry_out(train)
