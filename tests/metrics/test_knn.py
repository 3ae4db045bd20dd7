import warnings

import pytest
import torch

from cl_lightning.metrics import KNNAccuracy, neighbours, sphere
from tests.metrics import oracle


def directions(*degrees: float) -> torch.Tensor:
    angle = torch.tensor(degrees) * torch.pi / 180
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def accuracy(bank, labels, queries, truth, **options) -> float:
    metric = KNNAccuracy(**options)
    metric.add_to_bank(bank, torch.as_tensor(labels))
    metric.update(queries, torch.as_tensor(truth))
    return metric.compute().item()


def samples(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (n,), generator=generator)
    return torch.randn(n, 6, generator=generator) + torch.eye(6)[labels], labels


@pytest.mark.parametrize("block", [1, 100, 2**20])
@pytest.mark.parametrize("k", [1, 5, 60])
@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0])
def test_it_equals_sorting_and_voting_in_loops(block, k, temperature, monkeypatch):
    monkeypatch.setattr(sphere, "BLOCK_ELEMENTS", block)
    bank, queries = samples(60, 0), samples(45, 1)
    expected = oracle.knn_accuracy(*bank, *queries, k, temperature)
    assert accuracy(*bank, *queries, k=k, temperature=temperature) == pytest.approx(expected)
    assert 0.2 < expected < 0.9


def test_two_far_neighbours_outvote_a_near_one_unless_the_temperature_is_low():
    bank, labels = directions(0, 30, 30), [1, 0, 0]
    query, truth = directions(0), [1]
    # exp(1 / T) against 2 exp(cos(30) / T): equal at T = 0.193.
    assert accuracy(bank, labels, query, truth, k=3, temperature=0.3) == 0
    assert accuracy(bank, labels, query, truth, k=3, temperature=0.1) == 1
    assert accuracy(bank, labels, query, truth, k=1, temperature=0.3) == 1


def test_classes_may_be_missing_from_the_bank_and_from_the_queries():
    bank, labels = directions(0, 90), [7, 2]
    assert accuracy(bank, labels, directions(5, 85, 80), [7, 2, 9], k=1) == pytest.approx(2 / 3)


def test_equal_similarities_take_the_first_rows_of_the_bank():
    bank = directions(0, *[60] * 50)
    for first in (3, 4):
        labels = [3, *[first] * 25, *[7 - first] * 25]
        # The neighbours are the first row and the first of those at 60 degrees.
        assert accuracy(bank, labels, directions(60), [first], k=25) == 1
    cosine = torch.tensor([[0.5, 0.9, 0.5, 0.5, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2], [0.5, 0.4, 0.3, 0.2, 0.1]])
    nearest, columns = neighbours.nearest(cosine, 3)
    assert [sorted(row) for row in columns.tolist()] == [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    assert torch.equal(nearest, cosine.gather(1, columns))


def test_equal_votes_go_to_the_smallest_class():
    assert accuracy(directions(30, 30), [5, 1], directions(0), [1], k=2) == 1


def test_updates_add_up_and_reset_forgets_bank_and_queries():
    bank, queries = samples(60, 0), samples(45, 1)
    whole = accuracy(*bank, *queries, k=7)
    metric = KNNAccuracy(k=7)
    for _ in range(2):
        for rows in (slice(0, 50), slice(50, 60)):
            metric.add_to_bank(bank[0][rows], bank[1][rows])
        for rows in (slice(0, 10), slice(10, 45)):
            metric.update(queries[0][rows], queries[1][rows])
        assert metric.compute().item() == pytest.approx(whole)
        metric.reset()


def test_a_bank_that_grows_after_compute_counts():
    metric = KNNAccuracy(k=1)
    metric.add_to_bank(directions(40), torch.tensor([1]))
    metric.update(directions(0), torch.tensor([0]))
    assert metric.compute() == 0
    metric.add_to_bank(directions(10), torch.tensor([0]))
    assert metric.compute() == 1


def test_a_bank_smaller_than_k_votes_whole_and_warns_once():
    metric = KNNAccuracy(k=5)
    metric.add_to_bank(directions(0, 90), torch.tensor([0, 1]))
    metric.update(directions(10), torch.tensor([0]))
    with pytest.warns(UserWarning, match=r"k = 5 .* bank of 2.*callbacks\.knn\.k"):
        assert metric.compute() == 1
    metric.update(directions(20), torch.tensor([0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metric.compute() == 1


@pytest.mark.parametrize("temperature", [0.001, 0.005])
def test_a_low_temperature_overflows_nothing(temperature):
    bank, labels = directions(0, 40), [1, 0]
    assert accuracy(bank, labels, directions(19, 21), [1, 0], k=2, temperature=temperature) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_autocast_and_half_precision_are_scored_in_float32(dtype):
    (bank, labels), (queries, truth) = samples(60, 0), samples(45, 1)
    bank, queries = bank.to(dtype), queries.to(dtype)
    expected = oracle.knn_accuracy(bank, labels, queries, truth, 7, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        assert accuracy(bank, labels, queries, truth, k=7) == pytest.approx(expected)


def test_missing_rows_and_wrong_settings_are_refused():
    metric = KNNAccuracy(k=1)
    metric.update(directions(0), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"no bank.*add_to_bank"):
        metric.compute()
    metric.reset()
    metric.add_to_bank(directions(0), torch.tensor([-1]))
    with (
        pytest.warns(UserWarning, match="before the ``update``"),
        pytest.raises(ValueError, match=r"no queries.*update"),
    ):
        metric.compute()
    with pytest.raises(ValueError, match=r"k is 0.*callbacks\.knn\.k"):
        KNNAccuracy(k=0)
    with pytest.raises(ValueError, match=r"temperature is 0.*callbacks\.knn\.temperature"):
        KNNAccuracy(temperature=0.0)
