"""Views a CPU-second on one thread: this package against lightly and kornia.

All start from uint8 images in memory (PIL for lightly) and end at standardised float32 tensors, which for
lightly are stacked into batches. Random pixels. Photos: a loader's workers crop image by image, and the rest
is done in the batch. Decoding is the same work for all, and a row of its own.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as tv

from cl_lightning.data.photos.decode import decode
from cl_lightning.pairs import simclr_views
from cl_lightning.pairs.blur import kernel_width
from cl_lightning.pairs.normalize import IMAGENET_MEAN, IMAGENET_STD
from tests.benchmarks.interleaved import medians
from tests.benchmarks.measured import DifferentError, Row

RATE, PHOTOS_RATE = "views a CPU-second", "photos a CPU-second"
PHOTO = (500, 375)  # width and height
TOLERANCE = 2e-5  # of the two paths, as in tests/pairs/test_paths.py
SECONDS = 6.0


def measure() -> Iterator[Row]:
    yield of_batches("views of 32 pixels, no blur", 32, 32, blur=0.0, batch=256)
    yield of_batches("views of 224 pixels, blur, crops in the batch", 224, 256, blur=0.5, batch=24)
    yield of_photos("views of 224 pixels, blur, crops by workers", 224, 256, blur=0.5, batch=24)
    yield decoding(f"decoding photos of {PHOTO[0]} x {PHOTO[1]} pixels")


def of_batches(work: str, size: int, source: int, blur: float, batch: int) -> Row:
    images, index = random_images(batch, source), torch.arange(batch)
    views = simclr_views(size, blur=blur)
    check_paths(views, size, source, cropped=False)
    works = {
        "ours": lambda: views(images, index, 0),
        "lightly": lightlys(images, size, blur),
        "kornia": kornias(images, size, blur),
    }
    return rates(work, works, 2 * batch)


def of_photos(work: str, size: int, source: int, blur: float, batch: int) -> Row:
    images, index = random_images(batch, source), torch.arange(batch)
    views = simclr_views(size, blur=blur)
    check_paths(views, size, source, cropped=True)

    def ours() -> object:
        return views(torch.stack([views.crop_pair(image, i, 0) for i, image in enumerate(images)]), index, 0)

    return rates(work, {"ours": ours, "lightly": lightlys(images, size, blur)}, 2 * batch)


def rates(work: str, works: dict[str, Callable[[], object]], views: int) -> Row:
    """Views a second, from the seconds of so many views."""
    found = {name: views / seconds for name, seconds in medians(works, SECONDS).items()}
    return Row(work, RATE, found.pop("ours"), found, high_is_better=True)


def lightlys(images: Tensor, size: int, blur: float) -> Callable[[], object]:
    from lightly.transforms import SimCLRTransform  # a peer, no dependency

    transform = SimCLRTransform(input_size=size, gaussian_blur=blur)
    pictures = [tv.to_pil_image(image) for image in images]
    return lambda: [torch.stack(view) for view in zip(*map(transform, pictures), strict=True)]


def kornias(images: Tensor, size: int, blur: float) -> Callable[[], object]:
    from kornia import augmentation as K

    steps: list[Any] = [
        K.RandomResizedCrop((size, size), scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
        K.RandomHorizontalFlip(p=0.5),
        K.ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        K.RandomGrayscale(p=0.2),
    ]
    if blur:
        width = kernel_width(size)
        steps.append(K.RandomGaussianBlur((width, width), (0.1, 2.0), p=blur))
    chain = K.AugmentationSequential(
        *steps, K.Normalize(torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)), data_keys=["input"]
    )

    def work() -> object:
        pixels = images.float() / 255
        return chain(pixels), chain(pixels)

    return work


def decoding(work: str) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "photo.jpg")
        tv.to_pil_image(smooth_images(1, *PHOTO[::-1])[0]).save(file, quality=90)

        def theirs() -> Tensor:
            with Image.open(file) as image:
                return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)

        if not torch.equal(decode(file), theirs()):
            raise DifferentError("a decoded photo differs from PIL's")
        found = medians({"ours": lambda: decode(file), "PIL": theirs}, SECONDS / 3)
    return Row(work, PHOTOS_RATE, 1 / found["ours"], {"PIL": 1 / found["PIL"]}, high_is_better=True)


def check_paths(views: Any, size: int, source: int, cropped: bool) -> None:
    """Raises DifferentError unless a CPU makes the views that the path of other devices makes."""
    images, index = smooth_images(4, source, source), torch.arange(4)
    if cropped:
        images = torch.stack([views.crop_pair(image, i, 0) for i, image in enumerate(images)])
    here = views(images, index, 0)
    with patch("torch.compiler.is_compiling", lambda: True):  # what these paths ask
        plain = views(images, index, 0)
    difference = max((a - b).abs().max().item() for a, b in zip(here, plain, strict=True))
    if difference > TOLERANCE * 5:  # standardised: divided by about 0.2
        raise DifferentError(f"views of {size} pixels differ by {difference:.1e} between their two paths")


def random_images(count: int, side: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8)


def smooth_images(count: int, height: int, width: int) -> Tensor:
    """The hue of nearly grey noise magnifies rounding."""
    return (tv.resize(torch.rand(count, 3, 5, 5), [height, width]) * 255).round().to(torch.uint8)
