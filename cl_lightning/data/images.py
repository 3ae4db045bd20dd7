"""Any accepted image as uint8 [channels, height, width]."""

from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

WHITE_IS_ZERO = 0  # of a TIFF's tag for what its values mean
MEANING = 262  # that tag
ACCEPTED = "a PIL image, a uint8 tensor [C, H, W] or a uint8 NumPy array [H, W, C], with 1 or 3 channels"


class ModeError(ValueError):
    """A whole image whose numbers have no fixed range, so that none of them is black or white."""


def to_uint8(image: Any) -> UInt8[Tensor, "channels height width"]:
    """A PIL image, a uint8 tensor [C, H, W] or a uint8 array [H, W, C] as uint8 [C, H, W], C = 1 or 3.

    PIL images of mode L keep their one channel, every other mode becomes RGB.
    Raises ValueError for anything else, float images included: the views scale to [0, 1] themselves.
    """
    if isinstance(image, Image.Image):
        image = np.array(image if image.mode == "L" else to_rgb(image))
        image = image[..., None] if image.ndim == 2 else image
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3:
        # NumPy turns axes several times as fast as torch, which takes no flipped views, no borrowed buffers.
        image = torch.from_numpy(np.require(image.transpose(2, 0, 1), requirements=("C", "W")))
    if isinstance(image, Tensor) and image.dtype == torch.uint8 and image.ndim == 3 and len(image) in (1, 3):
        return image
    raise ValueError(
        f"the data set gave {describe(image)} as an image; accepted: {ACCEPTED}. "
        "Leave ToTensor, normalisation and augmentation out of the data set behind data.train and data.val."
    )


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB: transparency is dropped, 16-bit greyscale keeps its upper 8 bits.

    Raises ModeError for modes I and F, whose numbers have no fixed range, but for PNM files (0 to 65,535).
    """
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise ModeError(f"a PIL image of mode {image.mode}; accepted: modes of 8 or 16 bits (data.train).")
    if image.mode.startswith("I"):  # PIL would clip at 255 and give a white image
        upper = (np.array(image) >> 8).astype(np.uint8)
        image = Image.fromarray(255 - upper if _is_negative(image) else upper)
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # PIL warns where a palette with transparency goes to RGB directly
    return image.convert("RGB")


def _is_negative(image: Image.Image) -> bool:
    """Whether an image of 16 bits has white as 0: PIL turns such a TIFF's values for 8 bits only."""
    return getattr(image, "tag_v2", {}).get(MEANING) == WHITE_IS_ZERO


def is_deep(image: Image.Image) -> bool:
    """Whether an image's values have more than 8 bits, of colour too as long as it is not loaded."""
    if image.mode.startswith("I"):
        return True
    arguments = [tile[3] for tile in getattr(image, "tile", [])]
    words = [w for args in arguments for w in (args if isinstance(args, tuple) else (args,))]
    of_pnm = image.format == "PPM" and any(isinstance(w, int) and w > 255 for w in words)
    return of_pnm or any(isinstance(w, str) and ";16" in w for w in words)


def describe(image: Any) -> str:
    """Type, dtype and shape in words, for messages."""
    if isinstance(image, (Tensor, np.ndarray)):
        return f"a {image.dtype} {type(image).__name__} of shape {list(image.shape)}"
    return f"a {type(image).__name__}"
