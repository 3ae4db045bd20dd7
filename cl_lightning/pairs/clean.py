"""What evaluation sees of an image, by any views."""

import warnings
from typing import Any

from jaxtyping import Float, UInt8
from torch import Tensor


def clean(
    views: Any, images: UInt8[Tensor, "batch channels height width"]
) -> Float[Tensor, "batch channels _ _"]:
    """The views' own `clean(images)`; of views without one the images as they are, scaled to [0, 1].

    Warns in the second case: the encoder was trained on what the views make of an image.
    """
    if hasattr(views, "clean"):
        return views.clean(images)
    warnings.warn(
        "the views have no method `clean(images)`: evaluation sees the images as they are, scaled to [0, 1]. "
        "Give the views one that resizes and standardises as they do, or leave out data.val",
        stacklevel=2,
    )
    return images.float() / 255
