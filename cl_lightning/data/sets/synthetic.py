"""Striped images that need no files, for tests and dry runs."""

import math

import numpy as np
import torch

from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.split import is_train

MOST = 2**31  # values; as float32 they take 8 GiB


def synthetic(
    split: str = "train",
    images: int = 256,
    size: int = 32,
    channels: int = 3,
    classes: int = 4,
    seed: int = 0,
) -> TensorImages:
    """Noisy stripes whose angle and width depend on the class; phase, colour and contrast vary by image.

    Class k of K has 2 + k stripes across the image, at an angle of 90 k / K degrees. Image i has class
    i mod K.
    Raises ValueError for another split, for numbers below 1 and for more than 2^31 values.
    """
    numbers = {"images": images, "size": size, "channels": channels, "classes": classes}
    if small := {name: number for name, number in numbers.items() if number < 1}:
        raise ValueError(f"{small}; accepted: 1 or more each (data.train and data.val).")
    if images * channels * size**2 > MOST:
        raise ValueError(f"{numbers} are more than {MOST:,} values; accepted: less (data.train and data.val)")
    mixed = np.random.SeedSequence([seed, is_train(split)]).generate_state(1)[0]
    generator = torch.Generator().manual_seed(int(mixed))
    labels = torch.arange(images) % classes
    angle, stripes = labels * (math.pi / 2 / classes), labels + 2
    steps = torch.linspace(0, 1, size)
    along = steps * angle.cos()[:, None, None] + steps[:, None] * angle.sin()[:, None, None]
    phase = torch.rand(images, 1, 1, generator=generator)
    wave = (2 * math.pi * (along * stripes[:, None, None] + phase)).sin()[:, None]
    middle, contrast = torch.rand(2, images, channels, 1, 1, generator=generator)
    noise = torch.randn(images, channels, size, size, generator=generator)
    pixels = 64 + 128 * middle + (30 + 60 * contrast) * wave + 10 * noise
    return TensorImages(pixels.round().clamp(0, 255).to(torch.uint8), labels, f"synthetic {split}")
