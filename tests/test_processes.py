"""The several processes of the tests: what they return, and how they fail."""

import os
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from tests.processes import run_on


def total_of_ranks() -> tuple[int, float, int]:
    total = torch.tensor(float(dist.get_rank()))
    dist.all_reduce(total)
    return dist.get_rank(), total.item(), os.getpid()


def fail_on(rank: int) -> None:
    if dist.get_rank() == rank:
        raise ValueError(f"of rank {rank}")


def fail_everywhere() -> None:
    raise ValueError(f"of rank {dist.get_rank()}")


def wait_for_the_others() -> None:
    if dist.get_rank() == 0:
        dist.barrier()
    else:
        time.sleep(60)


def end_without_a_word() -> None:
    os._exit(7)


def move_away(folder: str) -> None:
    os.chdir(folder)
    os.environ["WORLD_SIZE"] = "9"


def place() -> tuple[str, str]:
    return os.getcwd(), os.environ["WORLD_SIZE"]


def test_results_come_back_in_rank_order_from_processes_that_are_kept() -> None:
    first, second = run_on(2, total_of_ranks), run_on(2, total_of_ranks)
    assert [result[:2] for result in first] == [(0, 1.0), (1, 1.0)]
    assert first == second


def test_each_call_begins_in_the_same_place(tmp_path: Path) -> None:
    run_on(2, move_away, str(tmp_path))
    assert run_on(2, place) == [(os.getcwd(), "2")] * 2


def test_each_rank_s_failure_comes_with_its_traceback_and_the_next_call_works() -> None:
    with pytest.raises(
        AssertionError, match=r"(?s)rank 0:\nTraceback.*of rank 0.*rank 1:\nTraceback.*of rank 1"
    ):
        run_on(2, fail_everywhere)
    assert len(run_on(2, total_of_ranks)) == 2


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (wait_for_the_others, "rank 1:\nhad not ended after 2 s"),
        (end_without_a_word, "rank 0:\nended without a result, exit code 7"),
    ],
)
def test_a_rank_that_hangs_or_is_gone_is_told(function, message: str) -> None:
    run_on(2, total_of_ranks)  # their start takes longer
    with pytest.raises(AssertionError) as error:
        run_on(2, function, timeout=2)
    assert message in str(error.value)


def test_one_failing_rank_ends_those_that_wait_for_it() -> None:
    run_on(2, total_of_ranks)
    with pytest.raises(AssertionError, match="of rank 1"):
        run_on(2, fail_on, 1, timeout=60)
