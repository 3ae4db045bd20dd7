"""Views a second on the device: each operation and the whole chain, beside kornia and torchvision.

kornia as it is, and the chain compiled; torchvision image by image, since its v2 draws once for a batch.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import v2

from cl_lightning.pairs import simclr_views
from cl_lightning.pairs.blur import kernel_width
from cl_lightning.pairs.normalize import IMAGENET_MEAN, IMAGENET_STD
from tests.benchmarks.gpu.clock import Attempts, seconds
from tests.benchmarks.gpu.sizes import SIZES, Sizes
from tests.benchmarks.measured import Row

NONE = {"flip": 0.0, "jitter_probability": 0.0, "greyscale": 0.0, "blur": 0.0}
ALL = "all"
CHAINS: dict[str, dict[str, float]] = {  # the whole chain first, should time be short
    ALL: {"flip": 0.5, "jitter_probability": 0.8, "greyscale": 0.2, "blur": 0.5},
    "crop": {},
    "crop, flip": {"flip": 0.5},
    "crop, jitter": {"jitter_probability": 0.8},
    "crop, grey": {"greyscale": 0.2},
    "crop, blur": {"blur": 0.5},
}
Work = Callable[[], object]


def measure(size: str) -> Iterator[Row]:
    sizes, attempts = SIZES[size], Attempts()
    for name, asked in CHAINS.items():
        peers = {"kornia": kornias, "torchvision": torchvisions}
        if name == ALL:
            peers["kornia, compiled"] = compiled
        for pixels, source, batch in sizes.views:
            images = torch.randint(0, 256, (batch, 3, source, source), dtype=torch.uint8, device=sizes.device)
            work = f"views of {pixels} pixels: {name}"
            yield compared(work, images, pixels, NONE | asked, peers, sizes, attempts)
    attempts.end()


def compared(
    work: str,
    images: Tensor,
    pixels: int,
    asked: dict[str, float],
    peers: Mapping[str, Callable[..., Work]],
    sizes: Sizes,
    attempts: Attempts,
) -> Row:
    index = torch.arange(len(images), device=sizes.device)
    views = simclr_views(pixels, **asked)
    ours = seconds(lambda: views(images, index, 0), sizes.device, sizes.repeats)
    rates: dict[str, float] = {}
    for name, make in peers.items():
        with attempts.at(f"{work}, {name}"):
            theirs = make(images, pixels, asked, sizes)
            rates[name] = 2 * len(images) / seconds(theirs, sizes.device, sizes.repeats)
    return Row(work, "views/s", 2 * len(images) / ours, rates, high_is_better=True)


def kornias(images: Tensor, pixels: int, asked: dict[str, float], sizes: Sizes) -> Work:
    chain = kornias_chain(pixels, asked).to(sizes.device)
    return lambda: [chain(images.float() / 255) for _ in range(2)]


def compiled(images: Tensor, pixels: int, asked: dict[str, float], sizes: Sizes) -> Work:
    settings = next(iter(sizes.compiled.values()))
    chain: Any = torch.compile(kornias_chain(pixels, asked).to(sizes.device), **settings)
    return lambda: [chain(images.float() / 255) for _ in range(2)]


def kornias_chain(pixels: int, asked: dict[str, float]) -> torch.nn.Module:
    from kornia import augmentation as K

    width = kernel_width(pixels)
    steps = {
        "flip": K.RandomHorizontalFlip(p=asked["flip"]),
        "jitter_probability": K.ColorJitter(0.8, 0.8, 0.8, 0.2, p=asked["jitter_probability"]),
        "greyscale": K.RandomGrayscale(p=asked["greyscale"]),
        "blur": K.RandomGaussianBlur((width, width), (0.1, 2.0), p=asked["blur"]),
    }
    return torch.nn.Sequential(
        K.RandomResizedCrop((pixels, pixels), scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
        *(step for name, step in steps.items() if asked[name]),
        K.Normalize(torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)),
    )


def torchvisions(images: Tensor, pixels: int, asked: dict[str, float], sizes: Sizes) -> Work:
    width = kernel_width(pixels)
    chain = v2.Compose(
        [
            v2.RandomResizedCrop(pixels, scale=(0.08, 1.0), antialias=True),
            v2.RandomHorizontalFlip(asked["flip"]),
            v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], asked["jitter_probability"]),
            v2.RandomGrayscale(asked["greyscale"]),
            v2.RandomApply([v2.GaussianBlur(width, (0.1, 2.0))], asked["blur"]),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    return lambda: [torch.stack([chain(image) for image in images]) for _ in range(2)]
