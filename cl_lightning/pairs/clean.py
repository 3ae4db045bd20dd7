"""The input of an evaluation, for any views."""

import warnings
from typing import Any

from jaxtyping import Float, UInt8
from torch import Tensor


def clean(
    views: Any, images: UInt8[Tensor, "batch channels height width"]
) -> Float[Tensor, "batch channels _ _"]:
    """The views' own `clean(images)`; for views without this method, the images scaled to [0, 1].

    Warns in the second case, because the encoder was trained on images that the views have processed.
    """
    if hasattr(views, "clean"):
        return views.clean(images)
    warnings.warn(
        "the views have no method `clean(images)`: evaluation sees the images as they are, scaled to [0, 1]. "
        "Add such a method, which resizes and standardises as the views do, or leave out data.val",
        stacklevel=2,
    )
    return images.float() / 255
