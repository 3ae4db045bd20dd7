import math

import pytest
import torch

from cl_lightning.metrics import Alignment, Uniformity, sphere
from tests.metrics import oracle


def views(n: int, dim: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, n, dim, generator=generator)
    return a * 3, a + 0.5 * b


@pytest.fixture(params=[None, 1, 20])
def block(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(sphere, "BLOCK_ELEMENTS", request.param)


def test_alignment_is_the_mean_squared_distance_over_all_updates():
    metric = Alignment()
    first, second = views(7), views(4, seed=1)
    metric.update(*first)
    metric.update(*second)
    everything = [torch.cat(pair) for pair in zip(first, second, strict=True)]
    assert metric.compute().item() == pytest.approx(oracle.alignment(*everything), rel=1e-5)


def test_alignment_is_0_for_equal_and_4_for_opposite_directions():
    a, _ = views(6)
    for other, expected in ((2 * a, 0), (-a, 4)):
        metric = Alignment()
        metric.update(a, other)
        assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("t", [0.5, 2.0])
@pytest.mark.parametrize("cut", [[12], [7, 4, 1], [1] * 12])
def test_uniformity_is_the_mean_over_all_pairs_however_the_rows_are_cut_into_updates(t, cut):
    rows = views(12)[0]
    metric = Uniformity(t)
    for z in rows.split(cut):
        metric.update(z)
    assert metric.compute().item() == pytest.approx(oracle.uniformity(rows, t), rel=1e-5)


def test_uniformity_of_a_collapse_is_0_and_of_opposite_points_minus_4_t():
    for z, expected in ((torch.ones(5, 3), 0), (torch.tensor([[1.0, 0], [-1, 0]]), -8)):
        metric = Uniformity()
        metric.update(z)
        assert metric.compute().item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_autocast_and_half_precision_are_scored_in_float32(dtype):
    a, b = (z.to(dtype) for z in views(30, 16))
    uniformity, alignment = Uniformity(), Alignment()
    with torch.autocast("cpu", torch.bfloat16):
        uniformity.update(a)
        alignment.update(a, b)
    assert uniformity.compute().dtype == torch.float32
    assert uniformity.compute().item() == pytest.approx(oracle.uniformity(a), rel=1e-5)
    assert alignment.compute().item() == pytest.approx(oracle.alignment(a, b), rel=1e-5)


def test_reset_forgets_everything():
    metric = Uniformity()
    metric.update(views(6)[0])
    metric.reset()
    metric.update(views(5, seed=3)[0])
    assert metric.compute().item() == pytest.approx(oracle.uniformity(views(5, seed=3)[0]), rel=1e-5)


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric:UserWarning")
def test_without_pairs_both_are_nan():
    assert math.isnan(Alignment().compute())
    metric = Uniformity()
    assert math.isnan(metric.compute())
    metric.update(views(1)[0])
    assert math.isnan(metric.compute())


def test_a_t_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match=r"t is 0.*above 0"):
        Uniformity(0.0)


def test_metrics_take_no_gradient():
    z = views(6)[0].requires_grad_()
    metric = Uniformity()
    metric.update(z)
    assert not metric.compute().requires_grad
