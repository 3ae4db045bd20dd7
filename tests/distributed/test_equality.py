"""Two and three processes compute what one computes, step by step."""

import pytest
import torch

from tests.distributed.differences import gradient_difference, largest_difference
from tests.distributed.runs import CALLBACKS, CASES, SIMCLR, Case
from tests.distributed.world import TIMEOUT, World

pytestmark = pytest.mark.timeout(TIMEOUT + 100)
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
in_every_case = pytest.mark.parametrize("case", CASES, ids=str)


@in_every_case
def test_gradients_of_each_step_are_those_of_one_process(world: World, case: Case) -> None:
    one = world.one.runs[case]
    for rank in world.ranks:
        assert gradient_difference(rank.runs[case].double, one.double) < 1e-10
        assert gradient_difference(rank.runs[case].single, one.single, relative=True) < 1e-5


@in_every_case
def test_the_steps_end_with_the_weights_statistics_keys_and_queue_of_one_process(
    world: World, case: Case
) -> None:
    one = world.one.runs[case].double
    for rank in world.ranks:
        assert largest_difference(rank.runs[case].double.last, one.last) < 1e-10
    assert largest_difference(one.states[0], one.last) > 1e-3


@in_every_case
def test_all_ranks_hold_the_same_bits_after_every_step(world: World, case: Case) -> None:
    first, *others = (rank.runs[case].double for rank in world.ranks)
    for other in others:
        for these, those in zip([*other.states, other.last], [*first.states, first.last], strict=True):
            assert these.keys() == those.keys()
            assert [name for name in these if not torch.equal(these[name], those[name])] == []


@in_every_case
def test_forward_and_backward_move_nothing_of_key_encoder_and_queue_but_running_statistics(
    world: World, case: Case
) -> None:
    for rank in world.ranks:
        moved = rank.runs[case].double.moved_by_batches
        assert {name.rpartition(".")[2] for name in moved} <= {*STATISTICS}
        assert bool(moved) == (case.method in ("moco", "symmetric"))


@in_every_case
def test_ddp_holds_what_is_trained_only(world: World, case: Case) -> None:
    for rank in world.ranks:
        record = rank.runs[case].double
        assert record.ddp_holds == {name for name in record.last if not name.startswith(CALLBACKS)}


def test_wrong_gradients_would_be_noticed(world: World) -> None:
    for rank in world.ranks:
        differences = {
            name: gradient_difference(record, world.one.runs[SIMCLR].double, relative=True)
            for name, record in rank.mistaken.items()
        }
        assert differences.pop("right") < 1e-10
        assert min(differences.values()) > 1e-2, differences
