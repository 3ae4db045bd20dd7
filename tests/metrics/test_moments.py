import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cl_lightning.metrics import EffectiveRank, Moments
from cl_lightning.metrics.spectrum import directions_holding, spectrum
from tests.metrics import oracle
from tests.processes import run_on


def rows(n: int, dim: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(n, dim, generator=generator) * torch.logspace(0, -1, dim)
    return scale * z + 0.5


def values(*updates: torch.Tensor) -> dict[str, torch.Tensor]:
    metric = Moments(updates[0].shape[1])
    for z in updates:
        metric.update(z)
    return metric.compute()


@pytest.mark.parametrize("parts", [[40], [13, 4, 23]])
def test_values_equal_those_of_all_rows_in_float64(parts):
    z = rows(40, 6, scale=3)
    found = values(*z.split(parts))
    expected = oracle.moments(z)
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].numpy() == pytest.approx(value, rel=2e-4), name


def test_an_even_spread_has_one_over_the_root_of_dim():
    z = torch.randn(20_000, 16, generator=torch.Generator().manual_seed(1))
    found = values(z)
    assert found["embedding_std"].item() == pytest.approx(1 / 4, rel=0.01)
    assert found["spread"].item() == pytest.approx(1, rel=0.01)
    assert found["largest_share"].item() == pytest.approx(1 / 16, rel=0.1)
    assert found["directions_90"] == 15


@pytest.mark.parametrize("point", [torch.ones(1, 32), torch.zeros(1, 32)], ids=["a point", "zeros"])
def test_a_collapse_has_no_spread(point):
    found = values(point.expand(500, 32))
    assert found["embedding_std"] < 1e-3
    assert found["spread"] < 1e-5


def test_rank_around_the_mean_is_not_hidden_by_a_large_mean():
    far = torch.zeros(8)
    far[0] = 10
    z = far + torch.nn.functional.pad(
        torch.randn(4000, 3, generator=torch.Generator().manual_seed(2)), (2, 3)
    )
    found = values(z)
    assert found["effective_rank"] < 1.5
    assert found["centred_rank"].item() == pytest.approx(3, rel=0.05)


def test_its_rank_is_the_effective_rank():
    z = rows(60, 5)
    metric = EffectiveRank(5)
    metric.update(z)
    assert values(z)["effective_rank"] == metric.compute()


def test_half_precision_under_autocast_is_summed_in_float32():
    z = rows(200, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = values(z)
    for name, value in values(z.double()).items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_row_that_is_not_finite_shows(bad):
    z = rows(10, 4)
    z[3, 1] = bad
    assert all(value.isnan().all() for value in values(z).values())


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
def test_nothing_seen_is_nan():
    assert all(value.isnan().all() for value in Moments(3).compute().values())


@pytest.mark.parametrize(("part", "count"), [(0.5, 1), (0.75, 2), (0.9, 3), (1.0, 4)])
def test_directions_that_hold_a_part_are_the_fewest(part, count):
    assert directions_holding(part, torch.tensor([0.5, 0.25, 0.2, 0.05])) == count


def test_spectrum_is_sorted_and_whole():
    z = rows(30, 5)
    shares = spectrum(z.T @ z)
    assert shares.tolist() == sorted(shares.tolist(), reverse=True)
    assert shares.sum().item() == pytest.approx(1)


def test_an_update_does_not_wait_for_the_device():
    names = set()

    class Operators(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.add(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    metric = Moments(4)
    with Operators():
        metric.update(rows(10, 4))
    assert "mm" in names
    assert not {"_local_scalar_dense", "nonzero", "is_nonzero", "equal"} & names


def one_part(sizes: list[int]) -> dict[str, list[float]]:
    from cl_lightning.distributed import rank

    return {name: value.tolist() for name, value in values(rows(30, 6).split(sizes)[rank()]).items()}


def test_two_processes_find_what_one_finds():
    first, second = run_on(2, one_part, [11, 19])
    assert first == second
    for name, value in values(rows(30, 6)).items():
        assert first[name] == pytest.approx(value.tolist(), rel=1e-4), name
