"""Without a process group every function is the identity, or its plain meaning."""

import pytest
import torch

from cl_lightning.distributed import (
    all_reduce_sum,
    gather,
    own_share,
    permutation,
    rank,
    shuffle,
    world_size,
)


def test_one_process_is_rank_0_of_1():
    assert (rank(), world_size()) == (0, 1)


@pytest.mark.parametrize("function", [gather, all_reduce_sum])
def test_the_tensor_itself_comes_back(function):
    x = torch.randn(3, 2, requires_grad=True)
    assert function(x) is x


def test_shuffle_is_the_permutation_and_its_inverse_undoes_it():
    images = torch.randint(0, 256, (9, 3, 2, 2), dtype=torch.uint8)
    order = permutation(9, seed=0, epoch=0, batch=0)
    assert torch.equal(shuffle(images, order), images[order])
    assert torch.equal(shuffle(images, order)[order.argsort()], images)


def test_all_rows_are_the_only_process_s_share():
    x = torch.randn(3, 2)
    assert torch.equal(own_share(x), x)


def test_a_permutation_of_another_length_is_noticed():
    with pytest.raises(AssertionError, match="4 places for 1 x 3 rows"):
        shuffle(torch.zeros(3, 1), permutation(4, seed=0, epoch=0, batch=0))


def test_a_permutation_is_a_pure_function_of_its_arguments():
    torch.manual_seed(0)
    first = permutation(100, seed=1, epoch=2, batch=3)
    torch.manual_seed(7)
    assert torch.equal(first, permutation(100, seed=1, epoch=2, batch=3))
    assert torch.equal(first.sort().values, torch.arange(100))


def test_permutations_of_other_seeds_epochs_and_batches_differ():
    orders = {tuple(permutation(100, s, e, b).tolist()) for s in range(3) for e in range(3) for b in range(3)}
    assert len(orders) == 27


def test_every_place_is_taken_by_every_row_equally_often():
    places = torch.stack([permutation(4, seed=0, epoch=0, batch=b) for b in range(4000)])
    for place in places.T:
        counts = torch.bincount(place, minlength=4)
        # Each count has a standard deviation of 27: five of them.
        assert (counts - 1000).abs().max() < 137
