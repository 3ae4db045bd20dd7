"""An item of a data set: an image with or without a label."""

from operator import index
from typing import Any

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from cl_lightning.data.images import to_uint8

NO_LABEL = -1


def image_and_label(item: Any) -> tuple[UInt8[Tensor, "channels height width"], int]:
    """The image of `item` as uint8 [C, H, W], and its label; -1 means no label.

    An item is an image, or a tuple or list that holds an image or an image and a label. A label is a whole
    number; None and -1 both mean that there is none.
    Raises ValueError for anything else.
    """
    parts = item if isinstance(item, (tuple, list)) else (item,)
    if not 1 <= len(parts) <= 2:
        raise ValueError(
            f"the data set gave a {type(item).__name__} of {len(parts)} as an item; accepted: an image, or "
            "(image, label). Change the set behind data.train or data.val."
        )
    label = parts[1] if len(parts) == 2 else None
    return to_uint8(parts[0]), NO_LABEL if label is None else _whole(label)


def _whole(label: Any) -> int:
    try:
        number = int(label) if isinstance(label, np.bool_) else index(label)
    except TypeError:
        number = None
    if number is None or not -(2**63) <= number < 2**63:
        raise ValueError(
            f"the data set gave {label!r} as a label; accepted: a whole number of 64 bits, None or -1 for no "
            "label. Change the set behind data.train or data.val."
        )
    return int(number)
