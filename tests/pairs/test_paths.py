"""A CPU looks at what was drawn and does only this; other devices do all at once: the views are the same."""

import pytest
import torch
from torchvision.transforms.v2 import functional as tv

from cl_lightning.pairs import digit_views, simclr_views

PIXELS = {"mean": (0, 0, 0), "std": (1, 1, 1)}
GREY = {"mean": (0,), "std": (1,)}
TOLERANCE = 2e-5
CASES = {
    "small": (simclr_views(32, solarize=0.3, **PIXELS), (9, 3, 32, 32)),
    "grey": (simclr_views(16, solarize=0.3, **GREY), (9, 1, 24, 17)),
    "odd": (simclr_views(33, **PIXELS), (9, 3, 45, 71)),
    "enlarged": (simclr_views(48, **PIXELS), (9, 3, 41, 30)),
    "larger than its image": (simclr_views(97, **PIXELS), (3, 3, 41, 60)),
    "photo": (simclr_views(96, **PIXELS), (2, 3, 300, 211)),
    "grey photo": (simclr_views(90, **GREY), (2, 1, 150, 201)),
    "one image": (simclr_views(64, **PIXELS), (1, 3, 90, 80)),
    "crops": (simclr_views(41, solarize=0.3, **PIXELS), (5, 2, 3, 41, 41)),
    "large crops": (simclr_views(128, **PIXELS), (2, 2, 3, 128, 128)),
    "digits": (digit_views(12, **GREY), (9, 1, 12, 12)),
    "everything drawn": (
        simclr_views(48, flip=1, jitter_probability=1, greyscale=1, blur=1, solarize=1, **PIXELS),
        (5, 3, 64, 64),
    ),
    "colours, everything else": (
        simclr_views(48, flip=1, jitter_probability=1, greyscale=0, blur=1, **PIXELS),
        (40, 3, 64, 64),
    ),
    "nothing drawn": (
        simclr_views(48, flip=0, jitter_probability=0, greyscale=0, blur=0, **PIXELS),
        (5, 3, 64, 64),
    ),
}


@pytest.fixture(params=CASES)
def case(request):
    """Views, and smooth images, because the hue of nearly grey noise magnifies rounding."""
    views, shape = CASES[request.param]
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(*shape[:-2], 5, 5, generator=generator)
    images = tv.resize(coarse, list(shape[-2:])) * 255
    return views, images.round().to(torch.uint8), torch.arange(50, 50 + shape[0])


def test_a_cpu_makes_the_views_that_other_devices_make(case, monkeypatch):
    views, images, index = case
    here = views(images, index, 2)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)  # takes the path of other devices
    for view, expected in zip(here, views(images, index, 2), strict=True):
        assert view.shape == expected.shape
        torch.testing.assert_close(view, expected, rtol=0, atol=TOLERANCE)
