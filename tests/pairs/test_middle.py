"""What evaluation sees of an image, also of a strip."""

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from cl_lightning.data.centre_crop import centre_crop
from cl_lightning.pairs import moco_v2_views
from cl_lightning.pairs.middle import middle


def whole(images: torch.Tensor, size: int) -> torch.Tensor:
    """The plain way: resize all of it, then cut."""
    return tv.center_crop(tv.resize(images, [size], antialias=True), [size, size])


def image(height: int, width: int) -> torch.Tensor:
    return torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("shape", [(40, 50), (37, 290), (200, 33), (8, 8)])
def test_ordinary_photos_have_the_bits_that_they_always_had(shape: tuple[int, int]) -> None:
    assert torch.equal(centre_crop(image(*shape), 0, 0, size=32), whole(image(*shape), 32))


@pytest.mark.parametrize(
    "shape", [(3, 24), (24, 3), (1, 500), (500, 1), (40, 700), (701, 43), (9, 1001), (64, 512)]
)
@pytest.mark.parametrize("size", [8, 32, 33])
def test_a_strip_is_cut_first_and_gives_the_same_values(shape: tuple[int, int], size: int) -> None:
    found, expected = middle(image(*shape), size), whole(image(*shape), size)
    assert found.dtype == torch.uint8
    assert (found.int() - expected.int()).abs().max() <= 1
    exact = image(*shape).float() / 255
    assert torch.allclose(
        middle(exact, size), whole(exact, size), atol=1e-3
    )  # torch places pixels in float32


@pytest.mark.parametrize("shape", [(60_000, 1), (1, 60_000), (2, 100_001)])
def test_a_very_long_strip_takes_no_more_memory_than_its_crop(shape: tuple[int, int]) -> None:
    strip = image(*shape)
    with torch.profiler.profile(profile_memory=True) as profile:
        found = centre_crop(strip, 0, 0, size=224)
    assert found.shape == (3, 224, 224)
    assert sum(max(0, event.self_cpu_memory_usage) for event in profile.events()) < 20 * found.numel()
    clean = moco_v2_views(224).clean(strip[None])
    assert clean.shape == (1, 3, 224, 224)
    assert moco_v2_views(224).crop_pair(strip, 0, 0).shape == (2, 3, 224, 224)
