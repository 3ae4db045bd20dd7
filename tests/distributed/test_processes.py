"""What two processes exchange. They are started once, for all promises of this file."""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cl_lightning.distributed import (
    all_reduce_sum,
    gather,
    own_share,
    permutation,
    rank,
    shuffle,
    world_size,
)
from cl_lightning.losses import nt_xent
from cl_lightning.metrics import Alignment, EffectiveRank, KNNAccuracy, Uniformity
from tests.processes import run_on

WORLD = 2
LOCAL = 3  # images of one rank
TEMPERATURE = 0.2


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4)).double()


def images() -> torch.Tensor:
    """Two views, [2, WORLD * LOCAL, 5], whose scale differs by rank."""
    generator = torch.Generator().manual_seed(2)
    views = torch.randn(2, WORLD * LOCAL, 5, generator=generator, dtype=torch.float64)
    return views * torch.tensor([0.3, 2.0]).repeat_interleave(LOCAL)[None, :, None]


def own(x: torch.Tensor, dim: int = 0) -> torch.Tensor:
    return x.narrow(dim, rank() * LOCAL, LOCAL)


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def ddp_gradients(loss_function) -> tuple[float, list[torch.Tensor]]:
    model = DistributedDataParallel(network())
    a, b = own(images(), dim=1)
    loss = loss_function(*model(torch.cat([a, b])).chunk(2))
    loss.backward()
    mean = loss.detach().clone()
    dist.all_reduce(mean)
    return mean.item() / WORLD, gradients(model)


def reduced_sum_gradient() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.tensor([1.0 + rank(), 5.0], dtype=torch.float64, requires_grad=True)
    total = all_reduce_sum(x)
    (total.square() * (1 + rank())).sum().backward()
    return total.detach(), x.grad


def shuffled(order: torch.Tensor) -> torch.Tensor:
    rows = own(torch.arange(WORLD * LOCAL))[:, None] * torch.tensor([1, 10])
    return shuffle(rows, order)


def features() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return *torch.randn(2, WORLD * LOCAL, 4, generator=generator), torch.arange(WORLD * LOCAL) % 3


def uneven_share(x: torch.Tensor, uneven: int = 0) -> torch.Tensor:
    return x.tensor_split([LOCAL + uneven])[rank()]


def filled_metrics(select) -> dict[str, float]:
    z_a, z_b, labels = (select(x) for x in features())
    alignment, rank_, knn, uniformity = Alignment(), EffectiveRank(4), KNNAccuracy(k=2), Uniformity()
    alignment.update(z_a, z_b)
    rank_.update(z_a)
    for row in z_a.split(1):
        uniformity.update(row)
    # As many rows as the last shares of a set have: not the same number on every rank.
    bank, queries = (select(torch.arange(WORLD * LOCAL), uneven) for uneven in (1, -1))
    z_a, z_b, labels = features()
    knn.add_to_bank(z_a[bank], labels[bank])
    knn.update(z_b[queries], labels[queries])
    ties = KNNAccuracy(k=2)
    ties.add_to_bank(torch.ones(len(bank), 4), torch.tensor([2, 2, 0, 0, 1, 1])[bank])
    ties.update(z_b[queries], torch.tensor([2, 0, 2, 2, 2, 2])[queries])
    metrics = {"ties": ties, **{type(m).__name__: m for m in (alignment, rank_, knn, uniformity)}}
    return {name: metric.compute().item() for name, metric in metrics.items()}


def everything(order: torch.Tensor) -> dict:
    x = own(torch.arange(WORLD * LOCAL, dtype=torch.float64))[:, None].requires_grad_()
    rows = gather(x)
    (rows[:, 0] * torch.arange(1, 7) * (1 + rank())).sum().backward()
    return {
        "place": (rank(), world_size()),
        "gather": (rows.detach(), x.grad),
        "sum": reduced_sum_gradient(),
        "nt_xent": ddp_gradients(lambda a, b: nt_xent(a, b, TEMPERATURE)),
        "shuffle": shuffled(order),
        "share": own_share(torch.arange(WORLD * LOCAL)),
        "metrics": filled_metrics(uneven_share),
    }


@pytest.fixture(scope="module")
def order() -> torch.Tensor:
    return permutation(WORLD * LOCAL, seed=0, epoch=1, batch=2)


@pytest.fixture(scope="module")
def ranks(order: torch.Tensor) -> list[dict]:
    return run_on(WORLD, everything, order)


@pytest.fixture(scope="module")
def one_process() -> tuple[float, list[torch.Tensor]]:
    model = network()
    a, b = images()
    loss = nt_xent(*model(torch.cat([a, b])).chunk(2), TEMPERATURE)
    loss.backward()
    return loss.item(), gradients(model)


def test_each_rank_knows_its_place(ranks):
    assert [r["place"] for r in ranks] == [(0, 2), (1, 2)]


def test_gathered_rows_stand_in_rank_order_on_every_rank(ranks):
    for r in ranks:
        assert r["gather"][0].flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_gathered_row_receives_the_gradients_of_all_ranks(ranks):
    received = torch.cat([r["gather"][1] for r in ranks]).flatten()
    assert received.tolist() == [3, 6, 9, 12, 15, 18]  # (1 + 2) times its own weight


def test_a_reduced_sum_and_its_gradient_are_sums_over_ranks(ranks):
    for r in ranks:
        total, gradient = r["sum"]
        assert total.tolist() == [3, 10]
        assert gradient.tolist() == [2 * 3 * 3, 2 * 10 * 3]


def test_two_processes_have_the_loss_and_gradients_of_one(ranks, one_process):
    loss, expected = one_process
    for r in ranks:
        assert r["nt_xent"][0] == pytest.approx(loss, rel=1e-12)
        for mine, theirs in zip(r["nt_xent"][1], expected, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)


def test_shuffle_is_one_permutation_of_the_global_batch(ranks, order):
    mixed = torch.cat([r["shuffle"] for r in ranks])
    assert torch.equal(mixed, order[:, None] * torch.tensor([1, 10]))


def test_each_rank_takes_its_own_share_of_a_global_batch(ranks):
    assert [r["share"].tolist() for r in ranks] == [[0, 1, 2], [3, 4, 5]]


def test_metrics_count_the_rows_of_all_ranks(ranks):
    expected = filled_metrics(lambda x, uneven=0: x)
    assert expected["ties"] == pytest.approx(5 / 6)  # the first two of the bank have class 2
    for r in ranks:
        assert r["metrics"] == pytest.approx(expected, abs=1e-6)
