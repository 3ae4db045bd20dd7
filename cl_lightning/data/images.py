"""Any accepted image as uint8 [channels, height, width]."""

from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

MEANING = 262  # the TIFF tag PhotometricInterpretation
WHITE_IS_ZERO = 0  # one value of this tag
ACCEPTED = "a PIL image, a uint8 tensor [C, H, W] or a uint8 NumPy array [H, W, C], with 1 or 3 channels"


class ModeError(ValueError):
    """An intact image whose values have no fixed range, so that no value is black or white."""


def to_uint8(image: Any) -> UInt8[Tensor, "channels height width"]:
    """A PIL image, a uint8 tensor [C, H, W] or a uint8 array [H, W, C] as uint8 [C, H, W], C = 1 or 3.

    PIL images of mode L keep their one channel, every other mode becomes RGB.
    Raises ValueError for anything else. Float images are refused too: the views scale to [0, 1] themselves.
    """
    if isinstance(image, Image.Image):
        image = np.array(image if image.mode == "L" else to_rgb(image))
        image = image[..., None] if image.ndim == 2 else image
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3:
        # NumPy permutes axes several times as fast as torch. torch accepts no flipped or read-only arrays.
        image = torch.from_numpy(np.require(image.transpose(2, 0, 1), requirements=("C", "W")))
    if isinstance(image, Tensor) and image.dtype == torch.uint8 and image.ndim == 3 and len(image) in (1, 3):
        return image
    raise ValueError(
        f"the data set gave {describe(image)} as an image; accepted: {ACCEPTED}. "
        "Leave ToTensor, normalisation and augmentation out of the data set behind data.train and data.val."
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB, without transparency; 16-bit greyscale keeps its upper 8 bits.

    Raises ModeError for modes I and F, whose values have no fixed range. PNM files of mode I are converted:
    their range is 0 to 65,535.
    """
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise ModeError(f"a PIL image of mode {image.mode}; accepted: modes of 8 or 16 bits (data.train).")
    if image.mode.startswith("I"):  # PIL would clip at 255 and return a white image
        upper = (np.array(image) >> 8).astype(np.uint8)
        image = Image.fromarray(255 - upper if _is_negative(image) else upper)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # PIL warns if a palette with transparency is converted to RGB directly
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


def _is_negative(image: Image.Image) -> bool:
    """Whether 0 is white in a 16-bit image. PIL inverts such a TIFF only if it has 8 bits."""
    return getattr(image, "tag_v2", {}).get(MEANING) == WHITE_IS_ZERO


def is_deep(image: Image.Image) -> bool:
    """Whether an image's values have more than 8 bits; for a colour image only before it is loaded."""
    if image.mode.startswith("I"):
        return True
    arguments = [tile[3] for tile in getattr(image, "tile", [])]
    flat = [a for args in arguments for a in (args if isinstance(args, tuple) else (args,))]
    deep_pnm = image.format == "PPM" and any(isinstance(a, int) and a > 255 for a in flat)
    return deep_pnm or any(isinstance(a, str) and ";16" in a for a in flat)


def describe(image: Any) -> str:
    """Type, dtype and shape as text, for messages."""
    if isinstance(image, (Tensor, np.ndarray)):
        return f"a {image.dtype} {type(image).__name__} of shape {list(image.shape)}"
    return f"a {type(image).__name__}"
