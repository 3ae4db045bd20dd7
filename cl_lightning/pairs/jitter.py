"""Colour jitter: brightness, contrast, saturation and hue, in a random order for every image."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from cl_lightning.pairs.greyscale import luma, luma_by_red
from cl_lightning.pairs.hue import shift_hue
from cl_lightning.pairs.operation import between, on_cpu, one_by_one

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
# Pixels of an image from which a CPU is faster one by one. Measured on one thread, in us for an image,
# in groups (of images that are sorted) and one by one: 32 x 32 pixels 18 and 100, 64 x 64 61 and 127,
# 96 x 96 164 and 158.
WORTH_A_LOOP = 9_000
UNCHANGED = (1.0, 1.0, 1.0, 0.0)  # the factors that change nothing
UNTOUCHED = 4  # place of the hue shift in an image that does not change


class Jitters(NamedTuple):
    """Factors of brightness, contrast and saturation and the hue shift in turns; the order of the four."""

    factors: Float32[Tensor, "batch 4"]
    order: Int64[Tensor, "batch 4"]


@dataclass(frozen=True)
class Jitter:
    """Factors uniform in [max(0, 1 - strength), 1 + strength], a hue shift in [-hue, hue], order at random.

    From SimCLR (arXiv 2002.05709, appendix A). As torchvision's ColorJitter, applied with a probability.
    """

    strength: tuple[float, float, float, float]
    probability: float
    stream: ClassVar[int] = 3
    draws: ClassVar[int] = 9

    def draw(self, uniforms: Float64[Tensor, "batch draws"]) -> Jitters:
        """Factors and order; factors are 1 and the hue shift is 0 for an image that is not changed."""
        *strengths, hue = self.strength
        factors = [between(uniforms[:, i], max(0.0, 1 - s), 1 + s) for i, s in enumerate(strengths)]
        factors.append(between(uniforms[:, HUE], -hue, hue))
        jittered = uniforms[:, 4] < self.probability
        chosen = [torch.where(jittered, f, i) for f, i in zip(factors, UNCHANGED, strict=True)]
        return Jitters(torch.stack(chosen, dim=1).float(), uniforms[:, 5:].argsort(dim=1, stable=True))

    def order(self, parameters: Jitters, pixels: int) -> Int64[Tensor, " batch"] | None:
        """The order of images of so many pixels in which a CPU is fastest; None if any will do."""
        return None if pixels > WORTH_A_LOOP else place_of_hue(*parameters).argsort(stable=True)

    def apply(
        self, images: Float32[Tensor, "batch channels height width"], parameters: Jitters
    ) -> Float32[Tensor, "batch channels height width"]:
        """The batch with each image's jitter, in place."""
        return jitter(images, *parameters)


def jitter(
    images: Float32[Tensor, "batch channels height width"],
    factors: Float32[Tensor, "batch 4"],
    order: Int64[Tensor, "batch 4"],
) -> Float32[Tensor, "batch channels height width"]:
    """The images, in [0, 1], after the four operations in each image's order, in place.

    `order` lists operations by number: 0 brightness, 1 contrast, 2 saturation, 3 hue. A grey image has
    neither saturation nor hue. Equals torchvision's adjust_brightness, _contrast, _saturation and _hue one
    after the other.
    """
    if one_by_one(images, WORTH_A_LOOP):
        return jitter_one_by_one(images, factors, order)
    if on_cpu(images):
        return jitter_in_groups(images, factors, order)
    return jitter_together(images, factors, order)


def jitter_together(
    images: Float32[Tensor, "batch channels height width"],
    factors: Float32[Tensor, "batch 4"],
    order: Int64[Tensor, "batch 4"],
) -> Float32[Tensor, "batch channels height width"]:
    """The batch after one sequence for all: three blends (0 to 2), the hue shift, three blends.

    An image skips a blend by the factor 1.
    """
    ordered = factors.gather(1, order)
    place_of_hue = (order == HUE).to(torch.uint8).argmax(dim=1)
    for place in range(3):
        blend(images, torch.where(place < place_of_hue, ordered[:, place], 1), order[:, place])
    if images.shape[1] == 3:
        shift_hue(images, factors[:, HUE])
    for place in range(1, 4):
        blend(images, torch.where(place > place_of_hue, ordered[:, place], 1), order[:, place])
    return images


def jitter_in_groups(
    images: Float32[Tensor, "batch channels height width"],
    factors: Float32[Tensor, "batch 4"],
    order: Int64[Tensor, "batch 4"],
) -> Float32[Tensor, "batch channels height width"]:
    """As `jitter_together`, but for each place of the hue shift by itself, so that no image skips a blend.

    Images that are not sorted by it are, which copies them twice.
    """
    place = place_of_hue(factors, order)
    rows = None
    if bool((place[1:] < place[:-1]).any()):
        place, rows = place.sort(stable=True)
        images, factors, order = images.index_select(0, rows), factors[rows], order[rows]
    ends = place.bincount(minlength=UNTOUCHED + 1).cumsum(0).tolist()
    for hue, (start, end) in enumerate(pairwise([0, *ends[:UNTOUCHED]])):
        if start < end:
            jitter_alike(images[start:end], factors[start:end], order[start:end], hue)
    return images if rows is None else images.index_select(0, rows.argsort())


def jitter_alike(
    images: Float32[Tensor, "batch channels height width"],
    factors: Float32[Tensor, "batch 4"],
    order: Int64[Tensor, "batch 4"],
    place_of_hue: int,
) -> None:
    """The four operations on images whose hue shift has the same place, in place."""
    ordered = factors.gather(1, order)
    for place in range(4):
        if place != place_of_hue:
            blend(images, ordered[:, place], order[:, place])
        elif images.shape[1] == 3:
            shift_hue(images, factors[:, HUE])


def place_of_hue(
    factors: Float32[Tensor, "batch 4"], order: Int64[Tensor, "batch 4"]
) -> Int64[Tensor, " batch"]:
    """The place of the hue shift in each image's order, 0 to 3; UNTOUCHED if the image does not change."""
    changed = (factors != factors.new_tensor(UNCHANGED)).any(dim=1)
    return torch.where(changed, (order == HUE).to(torch.uint8).argmax(dim=1), UNTOUCHED)


def blend(
    images: Float32[Tensor, "batch channels height width"],
    factor: Float32[Tensor, " batch"],
    operation: Int64[Tensor, " batch"],
) -> None:
    """clamp(f x + (1 - f) other, 0, 1) in place; other is black, the image's mean luma or its luma."""
    grey, weight = luma_by_red(images)
    mean = grey.mean(dim=1).mean(dim=1)  # in two steps, so that rounding does not depend on the batch
    rest = (1 - factor) * weight
    of_mean = rest * (operation == CONTRAST) * mean
    of_luma = rest * (operation == SATURATION)
    other = (grey * of_luma[:, None, None]).add_(of_mean[:, None, None])
    images.mul_(factor[:, None, None, None]).add_(other[:, None]).clamp_(0, 1)


def jitter_one_by_one(
    images: Float32[Tensor, "batch channels height width"],
    factors: Float32[Tensor, "batch 4"],
    order: Int64[Tensor, "batch 4"],
) -> Float32[Tensor, "batch channels height width"]:
    """Each image through its own operations only, in their order."""
    for image, factor, operations in zip(images, factors.tolist(), order.tolist(), strict=True):
        for operation in operations:
            if factor[operation] != UNCHANGED[operation]:
                adjust(image, operation, factor[operation])
    return images


def adjust(image: Float32[Tensor, "channels height width"], operation: int, factor: float) -> None:
    """One operation of the jitter on one image, in place."""
    if operation in (SATURATION, HUE) and len(image) == 1:
        return
    if operation == HUE:
        shift_hue(image[None], image.new_tensor([factor]))
        return
    if operation == BRIGHTNESS:
        image.mul_(factor)
    else:
        # The mean in two steps, so that rounding does not depend on the number of threads.
        colours = (
            image.mean(dim=1, keepdim=True).mean(dim=2, keepdim=True) if operation == CONTRAST else image
        )
        grey = luma(colours[None])
        torch.add(grey.mul_(1 - factor), image, alpha=factor, out=image)
    if factor > 1:  # else nothing leaves [0, 1]
        image.clamp_(0, 1)
