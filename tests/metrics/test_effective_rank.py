import math

import numpy as np
import pytest
import torch

from cl_lightning.metrics import EffectiveRank


def effective_rank(*updates: torch.Tensor) -> float:
    metric = EffectiveRank(updates[0].shape[1])
    for z in updates:
        metric.update(z)
    return metric.compute().item()


def random_rows(n: int, dim: int) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(0))


def test_it_is_the_exponential_of_the_entropy_of_the_squared_singular_values():
    z = random_rows(40, 6) * torch.tensor([3, 2, 1, 0.5, 0.1, 0.01])
    rows = z.double().numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    p = np.linalg.svd(rows, compute_uv=False) ** 2
    p /= p.sum()
    expected = math.exp(-(p * np.log(p)).sum())
    assert effective_rank(z) == pytest.approx(expected, rel=1e-5)
    assert effective_rank(z[:13], z[13:17], z[17:]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("used", [1, 3, 8])
def test_it_counts_evenly_used_directions(used):
    basis = torch.linalg.qr(random_rows(8, 8)).Q[:used]
    assert effective_rank(torch.cat([basis, -2 * basis])) == pytest.approx(used, rel=1e-4)


def test_a_collapse_to_one_point_has_rank_1_also_with_noise():
    point = random_rows(1, 32).expand(500, 32)
    assert effective_rank(point) == pytest.approx(1, abs=1e-3)
    assert effective_rank(point + 1e-3 * random_rows(500, 32)) == pytest.approx(1, abs=1e-3)


def test_isotropic_embeddings_use_nearly_all_dimensions():
    assert effective_rank(random_rows(5000, 32)) > 31.5


def test_half_precision_under_autocast_is_summed_in_float32():
    z = random_rows(200, 8).bfloat16()
    metric = EffectiveRank(8)
    with torch.autocast("cpu", torch.bfloat16):
        metric.update(z)
    assert metric.compute().item() == pytest.approx(effective_rank(z.double()), rel=1e-5)


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
def test_nothing_seen_is_nan():
    assert math.isnan(EffectiveRank(3).compute())


def test_a_dimension_below_1_is_refused():
    with pytest.raises(ValueError, match=r"dim is 0.*at least 1"):
        EffectiveRank(0)
