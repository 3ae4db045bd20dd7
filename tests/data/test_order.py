import pytest
import torch

from cl_lightning.data import EpochOrder, EvaluationOrder


def global_batches(order_of_rank, world_size):
    """Batches of all ranks, laid side by side in rank order."""
    ranks = [order_of_rank(rank).batches() for rank in range(world_size)]
    return [torch.cat(parts) for parts in zip(*ranks, strict=True)]


def test_an_epoch_is_a_permutation_without_its_incomplete_batch():
    order = EpochOrder(length=103, batch_size=10, seed=4)
    batches = order.batches()
    assert len(batches) == len(order) == 10
    seen = torch.cat(batches)
    assert seen.dtype == torch.int64
    assert len(seen.unique()) == 100
    assert seen.min() >= 0
    assert seen.max() < 103


def test_order_depends_on_seed_and_epoch_only():
    def epoch(seed, number):
        order = EpochOrder(60, 12, seed)
        order.set_epoch(number)
        return torch.cat(order.batches())

    torch.manual_seed(1)
    first = epoch(3, 7)
    torch.manual_seed(2)
    torch.rand(5)
    assert torch.equal(epoch(3, 7), first)
    others = [epoch(seed, number) for seed in range(5) for number in range(9) if (seed, number) != (3, 7)]
    assert not any(torch.equal(other, first) for other in others)
    assert len({tuple(other.tolist()) for other in others}) == len(others)  # seed + epoch would collide


def test_left_out_images_differ_by_epoch():
    order = EpochOrder(11, 10, seed=0)
    left_out = set()
    for epoch in range(40):
        order.set_epoch(epoch)
        left_out |= set(range(11)) - set(torch.cat(order.batches()).tolist())
    assert len(left_out) > 5


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_all_ranks_together_see_the_batches_of_one_process(world_size):
    single = EpochOrder(50, 12, seed=9)
    single.set_epoch(5)

    def of_rank(rank):
        order = EpochOrder(50, 12, 9, rank, world_size)
        order.set_epoch(5)
        return order

    together = global_batches(of_rank, world_size)
    assert all(torch.equal(a, b) for a, b in zip(together, single.batches(), strict=True))
    assert {len(batch) for batch in of_rank(0).batches()} == {12 // world_size}


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 7, 24, 25])
def test_evaluation_sees_each_image_once_and_in_order(length, world_size):
    orders = [EvaluationOrder(length, 6, rank, world_size) for rank in range(world_size)]
    seen = [
        torch.cat(order.batches()) if len(order) else torch.empty(0, dtype=torch.int64) for order in orders
    ]
    assert torch.equal(torch.cat(seen), torch.arange(length))
    assert max(map(len, seen)) - min(map(len, seen)) <= 1
    for order in orders:
        assert len(order.batches()) == len(order)
        assert all(len(batch) <= 6 // world_size for batch in order.batches())


def test_a_batch_that_the_processes_cannot_share_is_refused_with_numbers_that_would_do():
    with pytest.raises(ValueError, match=r"data\.batch_size=10 cannot be shared by 3 .* 9 or 12\. Change"):
        EpochOrder(50, 10, 0, 0, 3)
    with pytest.raises(ValueError, match=r"such as 9\. Change"):
        EpochOrder(11, 10, 0, 0, 3)
    with pytest.raises(ValueError, match=r"such as 3\. Change"):
        EpochOrder(11, 2, 0, 0, 3)


@pytest.mark.parametrize("batch_size", [0, -1, 51])
def test_a_batch_that_the_data_cannot_fill_is_refused(batch_size):
    with pytest.raises(
        ValueError, match=rf"data\.batch_size={batch_size} .* 1 to 50\. Change data\.batch_size"
    ):
        EpochOrder(50, batch_size, 0)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed=-1; accepted: 0 or more"):
        EpochOrder(50, 5, -1)
