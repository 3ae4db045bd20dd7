"""Each operation equals torchvision.transforms.v2's on the same float image with the same parameters."""

import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from cl_lightning.pairs.affine import inverse_matrix, warp
from cl_lightning.pairs.blur import blur_one_by_one, blur_together, gaussian, kernel_width
from cl_lightning.pairs.brightness import Brightness, Brightnesses
from cl_lightning.pairs.crop import Boxes, Crop, crop_by_lookup, crop_by_products, crop_one_by_one, crop_uint8
from cl_lightning.pairs.flip import flip
from cl_lightning.pairs.greyscale import greyscale
from cl_lightning.pairs.hue import shift_hue
from cl_lightning.pairs.jitter import jitter_in_groups, jitter_one_by_one, jitter_together
from cl_lightning.pairs.normalize import normalize
from cl_lightning.pairs.solarize import solarize

BATCH = 6
SIZES = [(8, 8), (32, 32), (45, 31), (224, 224)]
ADJUST = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)


@pytest.fixture(params=SIZES, ids=lambda size: "x".join(map(str, size)))
def images(request):
    """Noise, with grey, black, white and saturated images among it, where hue has no value."""
    pixels = torch.rand(BATCH, 3, *request.param, generator=torch.Generator().manual_seed(0))
    pixels[1] = pixels[1, :1]
    pixels[2, :, ::2] = 0
    pixels[2, :, 1::2] = 1
    pixels[3] = pixels[3].round()
    return pixels


def draw(*shape, low=0.0, high=1.0, seed=1):
    return low + (high - low) * torch.rand(*shape, generator=torch.Generator().manual_seed(seed)).double()


def assert_each_equals(result, expected, tolerance):
    torch.testing.assert_close(result, torch.stack(list(expected)), rtol=0, atol=tolerance)


CROPS = [
    ((8, 8), 8, 1e-6),
    ((32, 32), 32, 1e-6),
    ((50, 31), 32, 3e-6),
    ((48, 37), 48, 1e-5),
    ((20, 30), 97, 1e-5),
    ((300, 400), 224, 3e-5),
    ((96, 128), 8, 1e-6),
]


@pytest.mark.parametrize(
    ("crop", "source", "size", "tolerance"),
    [
        *((crop, *case) for case in CROPS for crop in (crop_by_products, crop_one_by_one)),
        *((crop_by_lookup, *case) for case in CROPS if max(case[0]) <= case[1]),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_crop_equals_resized_crop_with_antialias_and_flip(source, size, tolerance, channels, crop):
    pixels = torch.randint(0, 256, (BATCH, channels, *source), generator=torch.Generator().manual_seed(0))
    pixels = pixels.to(torch.uint8)
    boxes = Crop((0.05, 1.0), (0.5, 2.0)).draw(draw(2 * BATCH, 22), *source)
    boxes = Boxes(
        *(torch.cat([b[:-1], b.new_tensor([e])]) for b, e in zip(boxes, (0, 0, *source), strict=True))
    )
    flipped = torch.arange(2 * BATCH) % 3 == 0
    expected = []
    for i, (box, mirrored) in enumerate(zip(torch.stack(boxes, 1).tolist(), flipped.tolist(), strict=True)):
        cut = tv.resized_crop(pixels[i % BATCH].float() / 255, *box, [size, size], antialias=True)
        expected.append(tv.horizontal_flip(cut) if mirrored else cut)
    assert_each_equals(crop(pixels, boxes, size, flipped), expected, tolerance)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("source", "size"), [((50, 31), 32), ((20, 30), 97), ((300, 400), 224), ((1, 90), 8)]
)
def test_a_workers_crops_have_the_bits_of_resized_crop(source, size, channels):
    image = torch.randint(0, 256, (channels, *source), generator=torch.Generator().manual_seed(0)).byte()
    boxes = Crop((0.05, 1.0), (0.5, 2.0)).draw(draw(BATCH, 22), *source)
    expected = [
        tv.resized_crop(image, *box, [size, size], antialias=True) for box in torch.stack(boxes, 1).tolist()
    ]
    difference = crop_uint8(image, boxes, size).int() - torch.stack(expected).int()
    assert difference.abs().max() <= 1


def test_flip_equals_horizontal_flip(images):
    flipped = torch.arange(BATCH) % 2 == 0
    expected = [tv.horizontal_flip(x) if f else x for x, f in zip(images, flipped.tolist(), strict=True)]
    assert_each_equals(flip(images.clone(), flipped), expected, 0)


def test_hue_equals_adjust_hue(images):
    shift = draw(BATCH, low=-0.5, high=0.5).float()
    expected = [tv.adjust_hue(x, s) for x, s in zip(images, shift.tolist(), strict=True)]
    assert_each_equals(shift_hue(images.clone(), shift), expected, 4e-6)


@pytest.mark.parametrize("jitter", [jitter_together, jitter_in_groups, jitter_one_by_one])
@pytest.mark.parametrize("operation", range(4))
def test_each_part_of_jitter_equals_its_own_adjustment(images, operation, jitter):
    factors = torch.tensor([1.0, 1.0, 1.0, 0.0]).repeat(BATCH, 1)
    factors[:, operation] = draw(
        BATCH, low=-0.5 if operation == 3 else 0.0, high=0.5 if operation == 3 else 2.0
    )
    expected = [ADJUST[operation](x, f) for x, f in zip(images, factors[:, operation].tolist(), strict=True)]
    order = draw(BATCH, 4, seed=2).argsort(1)
    assert_each_equals(jitter(images.clone(), factors, order), expected, 4e-6)


@pytest.mark.parametrize("jitter", [jitter_together, jitter_in_groups, jitter_one_by_one])
@pytest.mark.parametrize("round_", range(4))
def test_jitter_equals_the_four_adjustments_in_each_images_order(images, round_, jitter):
    factors = torch.cat([draw(BATCH, 3, high=1.8), draw(BATCH, 1, low=-0.5, high=0.5, seed=2)], dim=1).float()
    order = torch.cartesian_prod(*[torch.arange(4)] * 4)
    order = order[[len(set(row.tolist())) == 4 for row in order]][
        6 * round_ : 6 * round_ + 6
    ]  # all 24, by six
    expected = []
    for image, f, o in zip(images, factors.tolist(), order.tolist(), strict=True):
        for operation in o:
            image = ADJUST[operation](image, f[operation])
        expected.append(image)
    # a wrong order or factor shows as 0.01 and more; the hue of nearly grey pixels magnifies rounding
    assert_each_equals(jitter(images.clone(), factors, order), expected, 1e-5)


@pytest.mark.parametrize("jitter", [jitter_together, jitter_in_groups, jitter_one_by_one])
def test_jitter_of_grey_images_changes_brightness_and_contrast_only(images, jitter):
    grey = images[:, :1]
    factors = draw(BATCH, 4, high=2.0).float()
    order = torch.tensor([[2, 0, 3, 1], [1, 3, 0, 2]]).repeat(BATCH // 2, 1)
    expected = []
    for image, f, o in zip(grey, factors.tolist(), order.tolist(), strict=True):
        for operation in (i for i in o if i < 2):
            image = ADJUST[operation](image, f[operation])
        expected.append(image)
    assert_each_equals(jitter(grey.clone(), factors, order), expected, 1e-6)


def test_brightness_equals_adjust_brightness(images):
    factor = draw(BATCH, high=2.0).float()
    expected = [tv.adjust_brightness(x, f) for x, f in zip(images, factor.tolist(), strict=True)]
    assert_each_equals(Brightness(1.0).apply(images.clone(), Brightnesses(factor)), expected, 1e-6)


def test_greyscale_equals_rgb_to_grayscale(images):
    greyed = torch.arange(BATCH) % 2 == 0
    expected = [
        tv.rgb_to_grayscale(x, num_output_channels=3) if g else x for x, g in zip(images, greyed, strict=True)
    ]
    assert_each_equals(greyscale(images.clone(), greyed), expected, 1e-6)


@pytest.mark.parametrize("blur", [blur_together, blur_one_by_one])
def test_blur_equals_gaussian_blur(images, blur):
    taps = kernel_width(min(images.shape[2:]))
    sigma = draw(BATCH, low=0.1, high=2.0)
    expected = [
        tv.gaussian_blur(x, [taps, taps], [s, s]) for x, s in zip(images, sigma.tolist(), strict=True)
    ]
    assert_each_equals(blur(images.clone(), gaussian(sigma, taps).float()), expected, 1e-6)


def test_the_blur_kernel_is_ten_per_cent_of_the_image_and_odd():
    assert [kernel_width(size) for size in (8, 32, 64, 96, 224)] == [3, 3, 7, 9, 23]


def test_solarize_equals_solarize(images):
    solarized = torch.arange(BATCH) % 2 == 0
    expected = [tv.solarize(x, 0.5) if s else x for x, s in zip(images, solarized, strict=True)]
    assert_each_equals(solarize(images, solarized), expected, 0)


def test_warp_equals_affine_with_bilinear_lookup(images):
    height, width = images.shape[2:]
    angle, scale = draw(BATCH, low=-180, high=180), draw(BATCH, low=0.5, high=2.0, seed=2)
    shear = draw(BATCH, 2, low=-40, high=40, seed=3)
    shift = (draw(BATCH, 2, low=-0.3, high=0.3, seed=4) * width).round()
    given = zip(images, *(p.tolist() for p in (angle, shift, scale, shear)), strict=True)
    expected = [tv.affine(*one, interpolation=InterpolationMode.BILINEAR) for one in given]
    # places are float32: half an image times 1e-7, times the step between neighbouring noise pixels
    tolerance = 3e-6 * max(height, width)
    assert_each_equals(warp(images, inverse_matrix(angle, shift, scale, shear)), expected, tolerance)


def test_normalize_equals_normalize(images):
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)
    expected = [tv.normalize(x, list(mean), list(std)) for x in images]
    assert_each_equals(normalize(images.clone(), mean, std), expected, 1e-6)
