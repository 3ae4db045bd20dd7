"""Views: a pure function of (seed, epoch, index, view), exact in every setting they are called from."""

import pickle
from dataclasses import replace

import jaxtyping
import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from cl_lightning.pairs import digit_views, moco_v2_views, simclr_views
from cl_lightning.pairs import views as module
from cl_lightning.pairs.crop import Crop
from cl_lightning.pairs.flip import Flip
from cl_lightning.pairs.normalize import IMAGENET_MEAN, IMAGENET_STD
from cl_lightning.pairs.random import uniforms

RECIPES = {
    "simclr": (simclr_views(32, solarize=0.2), 3, (40, 36)),
    "moco_v2": (moco_v2_views(16), 3, (16, 16)),
    "grey": (simclr_views(8, mean=(0.5,), std=(0.5,)), 1, (9, 8)),
    "odd": (simclr_views(33), 3, (21, 35)),
    "digits": (digit_views(24), 1, (24, 24)),
    "colour digits": (digit_views(12, mean=(0, 0, 0), std=(1, 1, 1)), 3, (12, 12)),
}


@pytest.fixture(params=RECIPES)
def recipe(request):
    views, channels, size = RECIPES[request.param]
    generator = torch.Generator().manual_seed(0)
    return views, torch.randint(0, 256, (40, channels, *size), generator=generator).to(torch.uint8)


def stacked(views, images, index, epoch=3):
    return torch.stack(views(images, index, epoch), dim=1)


def test_views_are_finite_float32_of_the_recipes_size(recipe):
    views, images = recipe
    for view in views(images, torch.arange(40), 0):
        assert view.dtype == torch.float32
        assert view.shape == (40, images.shape[1], views.size, views.size)
        assert view.is_contiguous()
        assert view.isfinite().all()
        mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (views.mean, views.std))
        pixels = view * std + mean
        assert pixels.min() >= -1e-6
        assert pixels.max() <= 1 + 1e-6


def test_the_same_image_gets_identical_views_for_other_batch_sizes_and_orders(recipe, monkeypatch):
    views, images = recipe
    index = torch.arange(100, 140)
    together = stacked(views, images, index)
    for size in (1, 7, 39):
        parts = zip(images.split(size), index.split(size), strict=True)
        assert torch.equal(torch.cat([stacked(views, *part) for part in parts]), together)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert torch.equal(stacked(views, images[order], index[order]), together[order])
    for cache in (1, 100_000, 10**9):
        monkeypatch.setattr(module, "CACHE_BYTES", cache)
        assert torch.equal(stacked(views, images, index), together)


def test_the_same_image_gets_identical_views_with_another_number_of_threads(recipe):
    views, images = recipe
    index = torch.arange(40)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(stacked(views, images, index))
            results.append(torch.cat([stacked(views, images[:1], index[:1]), results[-1][1:]]))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_photo_gets_identical_views_alone_in_a_batch_and_on_two_threads(channels):
    views = simclr_views(224, mean=(0.5,) * channels, std=(0.2,) * channels)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, channels, 180, 240), generator=generator).to(torch.uint8)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        together = stacked(views, images, torch.arange(3))
        torch.set_num_threads(2)
        assert torch.equal(stacked(views, images[2:], torch.tensor([2])), together[2:])
    finally:
        torch.set_num_threads(before)


def test_another_seed_epoch_index_or_view_gives_other_views(recipe):
    views, images = recipe
    images = images[:1].repeat(6, 1, 1, 1)
    index = torch.arange(6)
    other_seed = type(views)(**{**vars(views), "seed": views.seed + 1})
    here = stacked(views, images, index)
    for other in (
        stacked(views, images, index, epoch=4),
        stacked(other_seed, images, index),
        stacked(views, images, index + 1),
        here.flip(1),
        here.roll(1, 0),
    ):
        assert ((here - other).flatten(2).abs().amax(2) > 0.01).all()


def test_an_operation_left_out_leaves_the_draws_of_the_others_as_they_are():
    images = torch.randint(0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    index = torch.arange(8)
    bare = {"jitter_probability": 0, "greyscale": 0, "blur": 0}
    cut = stacked(simclr_views(32, **bare), images, index)
    grey = stacked(simclr_views(32, **{**bare, "greyscale": 0.5}), images, index)
    unchanged = (cut == grey).flatten(2).all(2)
    assert 2 <= unchanged.sum() <= 14


def test_views_cropped_by_a_worker_equal_the_batched_ones_up_to_rounding():
    bare = {"jitter_probability": 0, "greyscale": 0, "blur": 0, "mean": (0, 0, 0), "std": (1, 1, 1)}
    views = simclr_views(32, seed=5, **bare)
    images = torch.randint(0, 256, (20, 3, 50, 61), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )
    index = torch.arange(7, 27)
    crops = torch.stack([views.crop_pair(image, int(i), 2) for image, i in zip(images, index, strict=True)])
    assert crops.dtype == torch.uint8
    assert crops.shape == (20, 2, 3, 32, 32)
    difference = (stacked(views, crops, index, 2) - stacked(views, images, index, 2)).abs()
    assert difference.max() <= 1.01 / 255
    assert difference.mean() <= 0.3 / 255


def test_the_whole_recipe_after_a_workers_crop_stays_close_to_the_batched_one():
    views = simclr_views(32, solarize=0.0)
    smooth = torch.rand(20, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    images = (tv.resize(smooth, [50, 50]) * 255).to(torch.uint8)
    index = torch.arange(20)
    crops = torch.stack([views.crop_pair(image, int(i), 0) for image, i in zip(images, index, strict=True)])
    difference = (stacked(views, crops, index, 0) - stacked(views, images, index, 0)).abs()
    assert difference.mean() < 0.02


def test_views_are_torchvisions_crop_and_flip_with_the_drawn_parameters():
    bare = {"jitter_probability": 0, "greyscale": 0, "blur": 0}
    views = moco_v2_views(16, seed=9, **bare)
    image = torch.randint(0, 256, (1, 3, 30, 20), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    drawn = uniforms(9, 4, torch.tensor([77]), {Crop.stream: Crop.draws, Flip.stream: Flip.draws})
    for view in range(2):
        box = [int(b) for b in views.crop.draw(drawn[Crop.stream][view], 30, 20)]
        expected = tv.resized_crop(image[0].float() / 255, *box, [16, 16], antialias=True)
        if drawn[Flip.stream][view] < 0.5:
            expected = tv.horizontal_flip(expected)
        expected = tv.normalize(expected, list(IMAGENET_MEAN), list(IMAGENET_STD))
        result = views(image, torch.tensor([77]), 4)[view][0]
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_views_stay_the_same_under_autocast_and_another_default_dtype(recipe, dtype):
    views, images = recipe
    index = torch.arange(40)
    expected, clean = stacked(views, images, index), views.clean(images)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(stacked(views, images, index), expected)
            assert torch.equal(views.clean(images), clean)
    finally:
        torch.set_default_dtype(before)


@pytest.fixture
def _without_shape_checks():
    """Shape checks at run time cannot be compiled; users never have them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    torch._dynamo.reset()
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("_without_shape_checks")
def test_views_compile_into_one_graph(recipe):
    views, images = recipe
    compiled = torch.compile(lambda *batch: views(*batch), fullgraph=True, backend="eager")
    index = torch.arange(40)
    for epoch in (0, 1):
        for view, expected in zip(compiled(images, index, epoch), views(images, index, epoch), strict=True):
            torch.testing.assert_close(view, expected, rtol=0, atol=1e-5)


class Darker:
    """An operation of a user's own, whose parameters lie in a dict, beside one for all images."""

    stream, draws = 90, 1

    def draw(self, uniforms):
        return {"factors": [uniforms[:, 0].float()], "least": 0.25}

    def apply(self, images, parameters):
        return images * parameters["factors"][0].clamp(min=parameters["least"])[:, None, None, None]


def test_an_operation_of_ones_own_gets_the_parameters_of_its_images(monkeypatch):
    views = replace(
        simclr_views(8, mean=(0, 0, 0), std=(1, 1, 1)), crop=None, flip=None, operations=(Darker(),)
    )
    images, index = torch.full((5, 3, 8, 8), 255, dtype=torch.uint8), torch.arange(5)
    expected = uniforms(0, 3, index, {90: 1})[90].float().clamp(min=0.25)[..., 0]
    for cache in (1, 2_000, 10**9):
        monkeypatch.setattr(module, "CACHE_BYTES", cache)
        found = stacked(views, images, index)
        assert torch.equal(found, expected.T[:, :, None, None, None].expand_as(found))


def test_views_leave_the_images_as_they_are(recipe):
    views, images = recipe
    before = images.clone()
    views(images, torch.arange(40), 0)
    views.clean(images)
    assert torch.equal(images, before)


def test_clean_images_of_the_right_size_are_only_standardised():
    images = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    expected = tv.normalize(images / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))
    torch.testing.assert_close(simclr_views(32).clean(images), expected, rtol=0, atol=1e-6)


def test_other_clean_images_are_resized_by_the_shorter_side_and_cropped_centrally():
    images = torch.randint(0, 256, (4, 3, 40, 50), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    small = tv.center_crop(tv.resize(images / 255, [16], antialias=True), [16, 16])
    expected = tv.normalize(small, list(IMAGENET_MEAN), list(IMAGENET_STD))
    torch.testing.assert_close(simclr_views(16).clean(images), expected, rtol=0, atol=1e-5)


def test_views_survive_pickling_for_a_worker(recipe):
    views, images = recipe
    again = pickle.loads(pickle.dumps(views))
    assert again == views
    assert torch.equal(stacked(again, images, torch.arange(40)), stacked(views, images, torch.arange(40)))


def test_float_images_are_refused():
    with pytest.raises(ValueError, match=r"images are torch.float32; accepted: uint8"):
        simclr_views(8)._check_channels(torch.rand(2, 3, 8, 8))
