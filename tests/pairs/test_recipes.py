"""Recipes: the papers' numbers, and clear refusals of others."""

import pytest
import torch

from cl_lightning.pairs import digit_views, moco_v2_views, simclr_views


def test_the_repr_shows_the_papers_numbers():
    assert repr(simclr_views(224)).splitlines() == [
        "Views(size=224, seed=0)",
        "  Crop(scale=(0.08, 1.0), ratio=(0.75, 1.3333333333333333))",
        "  Flip(probability=0.5)",
        "  Jitter(strength=(0.8, 0.8, 0.8, 0.2), probability=0.8)",
        "  Greyscale(probability=0.2)",
        "  Blur(probability=0.5, sigma=(0.1, 2.0), taps=23)",
        "  Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))",
    ]
    moco = repr(moco_v2_views(224))
    assert "Crop(scale=(0.2, 1.0)" in moco
    assert "Jitter(strength=(0.4, 0.4, 0.4, 0.1), probability=0.8)" in moco


def test_operations_without_a_chance_are_left_out():
    views = simclr_views(32, jitter_probability=0, greyscale=0, blur=0, solarize=0)
    assert views.operations == ()


def test_lists_and_whole_numbers_from_a_config_are_the_same_recipe():
    assert simclr_views(32, crop_scale=[0.2, 1], blur=0, mean=[0, 0, 0], std=[1, 1, 1]) == simclr_views(
        32, crop_scale=(0.2, 1.0), blur=0.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )


def test_only_recipes_with_a_crop_say_that_they_crop():
    assert simclr_views(32).crops
    assert moco_v2_views(32).crops
    assert not digit_views(24).crops
    with pytest.raises(ValueError, match="change views"):
        digit_views(24).crop_pair(torch.zeros(1, 30, 30, dtype=torch.uint8), 0, 0)


@pytest.mark.parametrize("recipe", [simclr_views, moco_v2_views])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("crop_scale", (0.5, 0.2)),
        ("crop_scale", (0.0, 1.0)),
        ("crop_scale", (0.2, 1.5)),
        ("crop_scale", (0.2,)),
        ("crop_ratio", (-1.0, 1.0)),
        ("crop_ratio", (1.0, float("inf"))),
        ("flip", -0.1),
        ("flip", float("nan")),
        ("jitter", (0.4, 0.4, 0.4)),
        ("jitter", (0.4, -0.4, 0.4, 0.1)),
        ("jitter", (0.4, 0.4, 0.4, 0.6)),
        ("jitter_probability", 1.1),
        ("greyscale", 2),
        ("blur", -1),
        ("blur_sigma", (0.0, 2.0)),
        ("solarize", 1.5),
        ("mean", (0.5, 0.5)),
        ("std", (0.5,)),
        ("std", (0.5, 0.0, 0.5)),
        ("seed", -1),
        ("seed", 2**64),
    ],
)
def test_a_wrong_argument_is_refused_with_its_value_and_its_key(recipe, key, value):
    with pytest.raises(ValueError, match=rf"must be .*: change views\.{key}$") as refusal:
        recipe(32, **{key: value})
    assert repr(value) in str(refusal.value)


@pytest.mark.parametrize("recipe", [simclr_views, moco_v2_views, digit_views])
def test_a_size_below_eight_pixels_is_refused(recipe):
    with pytest.raises(ValueError, match=r"size 7 .* at least 8 pixels: change views\.size"):
        recipe(7)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rotation", 181),
        ("rotation", -1),
        ("shear", 90),
        ("scale", (0.0, 1.0)),
        ("scale", (2.0, 1.0)),
        ("shift", 1.1),
        ("brightness", -0.1),
        ("mean", ()),
        ("std", (-1.0,)),
    ],
)
def test_a_wrong_argument_of_digit_views_is_refused_with_its_value_and_its_key(key, value):
    with pytest.raises(ValueError, match=rf"must be .*: change views\.{key}$") as refusal:
        digit_views(24, **{key: value})
    assert repr(value) in str(refusal.value)


def test_images_with_other_channels_than_the_mean_are_refused():
    for channels in (1, 2, 4):
        images = torch.zeros(2, channels, 32, 32, dtype=torch.uint8)
        for call in (simclr_views(32).clean, lambda x: simclr_views(32)(x, torch.arange(2), 0)):
            with pytest.raises(
                ValueError, match=rf"{channels} channels .* change views\.mean and views\.std"
            ):
                call(images)


def test_images_of_another_size_are_refused_where_nothing_resizes_them():
    index = torch.arange(2)
    with pytest.raises(ValueError, match=r"20 x 24 pixels .* 24 x 24: change views\.size"):
        digit_views(24)(torch.zeros(2, 1, 20, 24, dtype=torch.uint8), index, 0)
    with pytest.raises(ValueError, match=r"24 x 24 pixels .* 32 x 32: change views\.size"):
        simclr_views(32)(torch.zeros(2, 2, 3, 24, 24, dtype=torch.uint8), index, 0)
