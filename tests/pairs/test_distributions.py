"""Parameters are distributed as torchvision's: two-sample tests against its own draws, with fixed seeds."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2

from cl_lightning.pairs.affine import Affine, inverse_matrix
from cl_lightning.pairs.blur import Blur, gaussian
from cl_lightning.pairs.brightness import Brightness
from cl_lightning.pairs.crop import Crop
from cl_lightning.pairs.flip import Flip
from cl_lightning.pairs.greyscale import Greyscale
from cl_lightning.pairs.jitter import Jitter
from cl_lightning.pairs.random import uniforms
from cl_lightning.pairs.solarize import Solarize

COUNT = 4_000
ALPHA = 1e-3  # seeds are fixed: a pass stays a pass


def draws(operation, *size, count=COUNT):
    numbers = uniforms(11, 0, torch.arange(count // 2), {operation.stream: operation.draws})
    return operation.draw(numbers[operation.stream].flatten(0, 1), *size)


def theirs(transform, *size):
    torch.manual_seed(5)
    image = torch.zeros(3, *(size or (8, 8)))
    return [transform.make_params([image]) for _ in range(COUNT)]


def assert_same_distribution(ours, expected):
    samples = (np.asarray(sample, dtype=np.float64) for sample in (ours, expected))
    assert stats.ks_2samp(*samples, method="asymp").pvalue > ALPHA


@pytest.mark.parametrize(
    ("scale", "ratio", "size"),
    [
        ((0.08, 1.0), (3 / 4, 4 / 3), (32, 32)),
        ((0.2, 1.0), (3 / 4, 4 / 3), (375, 500)),
        ((0.9, 1.0), (3 / 4, 4 / 3), (64, 256)),  # ten tries hardly ever fit: the fallback
        ((0.9, 1.0), (3 / 4, 4 / 3), (256, 64)),
        ((0.5, 1.0), (1.0, 1.0), (20, 30)),  # some fit
    ],
)
def test_crops_are_random_resized_crops(scale, ratio, size):
    boxes = draws(Crop(scale, ratio), *size)
    expected = theirs(v2.RandomResizedCrop(8, scale=scale, ratio=ratio), *size)
    for name in ("top", "left", "height", "width"):
        assert_same_distribution(getattr(boxes, name), [e[name] for e in expected])
    area = boxes.height * boxes.width
    assert_same_distribution(area, [e["height"] * e["width"] for e in expected])
    assert_same_distribution(
        boxes.height.numpy() / boxes.width.numpy(), [e["height"] / e["width"] for e in expected]
    )
    assert (boxes.top >= 0).all()
    assert (boxes.top + boxes.height <= size[0]).all()
    assert (boxes.left >= 0).all()
    assert (boxes.left + boxes.width <= size[1]).all()


@pytest.mark.parametrize("size", [(10, 100), (100, 10), (50, 50)])
def test_a_crop_that_never_fits_is_torchvisions_central_window(size):
    transform = v2.RandomResizedCrop(8, scale=(4.0, 4.0), ratio=(3 / 4, 4 / 3))
    boxes = draws(Crop((4.0, 4.0), (3 / 4, 4 / 3)), *size, count=8)
    expected = transform.make_params([torch.zeros(3, *size)])
    for name in ("top", "left", "height", "width"):
        assert getattr(boxes, name).tolist() == [expected[name]] * 8


@pytest.mark.parametrize("strength", [(0.8, 0.8, 0.8, 0.2), (0.4, 1.5, 0.1, 0.5)])
def test_jitter_draws_the_factors_and_orders_of_color_jitter(strength):
    factors, order = draws(Jitter(strength, 1.0))
    expected = theirs(v2.ColorJitter(*strength))
    for i, name in enumerate(("brightness", "contrast", "saturation", "hue")):
        assert_same_distribution(factors[:, i], [e[f"{name}_factor"] for e in expected])
    seen = [Counter(map(tuple, o)) for o in (order.tolist(), [e["fn_idx"].tolist() for e in expected])]
    assert len(seen[0]) == 24
    table = [[counts[key] for key in sorted(seen[0])] for counts in seen]
    assert stats.chi2_contingency(table).pvalue > ALPHA


def test_factors_and_order_are_independent():
    factors, order = draws(Jitter((0.8, 0.8, 0.8, 0.2), 1.0))
    first = order[:, 0]
    for i in range(4):
        groups = [factors[first == operation, i].numpy() for operation in range(4)]
        assert stats.kruskal(*groups).pvalue > ALPHA


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.8, 1.0])
def test_each_operation_happens_as_often_as_its_probability(probability):
    applied = {
        "flip": draws(Flip(probability)).flipped,
        "greyscale": draws(Greyscale(probability)).greyed,
        "solarize": draws(Solarize(probability)).solarized,
        "jitter": (
            draws(Jitter((0.4, 0.4, 0.4, 0.1), probability)).factors != torch.tensor([1, 1, 1, 0])
        ).any(1),
        "blur": draws(Blur(probability, (1.0, 2.0), 3)).taps[:, 0] > 0,
    }
    for name, happened in applied.items():
        assert stats.binomtest(int(happened.sum()), COUNT, probability).pvalue > ALPHA, name


def test_blur_draws_the_sigma_of_gaussian_blur():
    taps = draws(Blur(1.0, (0.1, 2.0), 23)).taps
    torch.manual_seed(5)
    transform = v2.GaussianBlur(23, sigma=(0.1, 2.0))
    sigma = torch.tensor([transform.make_params([])["sigma"][0] for _ in range(COUNT)]).double()
    assert_same_distribution(taps[:, 11], gaussian(sigma, 23).float()[:, 11])


def test_affine_draws_the_parameters_of_random_affine():
    affine = Affine(15.0, 10.0, (0.75, 1.33), 0.15, 24)
    expected = theirs(v2.RandomAffine(15, (0.15, 0.15), (0.75, 1.33), (-10, 10, -10, 10)), 24, 24)
    names = ("angle", "translate", "scale", "shear")
    matrices = inverse_matrix(*(torch.tensor([e[name] for e in expected]).double() for name in names))
    for ours, theirs_ in zip(draws(affine).matrix.flatten(1).T, matrices.flatten(1).T, strict=True):
        assert_same_distribution(ours, theirs_)
    area = 1 / torch.linalg.det(draws(affine).matrix[:, :, :2])
    assert_same_distribution(area, 1 / torch.linalg.det(matrices[:, :, :2]))


def test_affine_shifts_by_whole_pixels_as_often_as_random_affine():
    shift = -draws(Affine(0.0, 0.0, (1.0, 1.0), 0.15, 24)).matrix[:, :, 2]
    expected = [e["translate"] for e in theirs(v2.RandomAffine(0, (0.15, 0.15)), 24, 24)]
    assert torch.equal(shift, shift.round())
    for axis in range(2):
        ours, other = Counter(shift[:, axis].int().tolist()), Counter(e[axis] for e in expected)
        assert sorted(ours) == sorted(other) == list(range(-4, 5))
        table = [[counts[key] for key in sorted(ours)] for counts in (ours, other)]
        assert stats.chi2_contingency(table).pvalue > ALPHA


def test_brightness_is_uniform_around_one():
    factor = draws(Brightness(0.3)).factor
    assert stats.kstest(factor.numpy(), stats.uniform(0.7, 0.6).cdf).pvalue > ALPHA
