"""Warnings about images that use few grey or colour levels, or are nearly constant."""

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Int64, UInt8
from lightning.pytorch.utilities.seed import isolate_rng
from PIL import Image
from torch import Tensor

from cl_lightning.data.images import is_deep
from cl_lightning.data.item import image_and_label
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.decode import pixels_and_depth
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import bare
from cl_lightning.files import printable

LOOKED_AT = 8  # so many images of a data set are read, evenly spread
PIXELS = 500_000  # about so many pixels of an image are counted
TAIL = 0.005  # this share of values at either end is ignored: dust and hot pixels
FEW = 64  # so few of the 256 levels are a warning for an image of more than 8 bits
CONSTANT = 16  # so few are one for any image


class Sample(NamedTuple):
    """Counts of an image's 256 levels, whether its file has more than 8 bits, and its name."""

    counts: Int64[Tensor, "256"]
    deep: bool
    name: str


def warn_of_few_levels(sets: Mapping[str, MapStyle]) -> None:
    """Warn about images with more than 8 bits that use few of their levels, and about constant images.

    A few images of each data set are read. Images are never scaled by their own range: the same value is the
    same grey in all images.
    """
    for key, part in sets.items():
        samples = looked_at(part)
        deep = [sample for sample in samples if sample.deep]
        if deep and levels(total(deep)) <= FEW:
            _warn_of_deep(key, deep)
            samples = [sample for sample in samples if not sample.deep]
        constant = [sample for sample in samples if levels(sample.counts) <= CONSTANT]
        if constant:
            _warn_of_constant(key, constant, len(samples))


def looked_at(part: MapStyle) -> list[Sample]:
    """Samples of a data set. Images that cannot be read are skipped: training reports them."""
    dataset, found = bare(part), []
    with isolate_rng():  # a Dataset may use the random generators of training
        for index in sorted({round(i) for i in torch.linspace(0, len(dataset) - 1, LOOKED_AT).tolist()}):
            try:
                found.append(_sample(dataset, index))
            except Exception:  # a broken file, or an error in a user's own Dataset
                continue
    return found


def _sample(dataset: Any, index: int) -> Sample:
    if isinstance(dataset, PhotoFolder):
        path = dataset.paths[index]
        pixels, deep = pixels_and_depth(path)
        return Sample(_counts(pixels), deep, printable(path))
    item = dataset[index]
    image = item[0] if isinstance(item, (tuple, list)) else item
    deep = isinstance(image, Image.Image) and is_deep(image)
    return Sample(_counts(image_and_label(item)[0]), deep, f"image {index}")


def _counts(pixels: UInt8[Tensor, "channels height width"]) -> Int64[Tensor, "256"]:
    step = max(1, round((pixels.shape[1] * pixels.shape[2] / PIXELS) ** 0.5))
    return torch.bincount(pixels[:, ::step, ::step].flatten(), minlength=256)


def total(samples: list[Sample]) -> Int64[Tensor, "256"]:
    """The sum of the counts of all images."""
    return torch.stack([sample.counts for sample in samples]).sum(0)


def limits(counts: Int64[Tensor, "256"]) -> tuple[int, int]:
    """The lowest and highest level, without a share of TAIL at either end."""
    share = counts.cumsum(0) / counts.sum()
    return int((share <= TAIL).sum()), int((share < 1 - TAIL).sum())


def levels(counts: Int64[Tensor, "256"]) -> int:
    """The number of levels from the lowest to the highest."""
    low, high = limits(counts)
    return high - low + 1


def _warn_of_deep(key: str, samples: list[Sample]) -> None:
    low, high = limits(total(samples))
    times = f" (times {256 // (high + 1)})" if low == 0 else ""
    warnings.warn(
        f"data.{key}: images of more than 8 bits, such as {samples[0].name}, use only levels {low} to {high} "
        f"of 0 to 255 after conversion to 8 bits, and hardly differ; accepted: files that use their whole "
        f"range, all scaled alike{times}, or data=custom with a Dataset that returns 8 bits.",
        stacklevel=3,
    )


def _warn_of_constant(key: str, samples: list[Sample], looked: int) -> None:
    low, high = limits(samples[0].counts)
    warnings.warn(
        f"data.{key}: {len(samples)} of {looked} images looked at are nearly constant, such as "
        f"{samples[0].name} with levels {low} to {high} of 0 to 255, so nothing can be learned from them; "
        f"accepted: a folder without them, or images all scaled alike to 0 to 255 (data.{key}, data.root).",
        stacklevel=3,
    )
