"""What workers make of each image, which the method's views ask for."""

from functools import partial
from typing import Any

from cl_lightning.data.centre_crop import centre_crop
from cl_lightning.data.worker_loader import Transform


def training_crops(views: Any) -> Transform | None:
    """The crops of both views, where the views leave them to the workers."""
    return views.crop_pair if getattr(views, "crops", False) else None


def middle(views: Any) -> Transform | None:
    """The middle of the image in the views' size, where they have one."""
    edge = getattr(views, "size", None)
    return None if edge is None else partial(centre_crop, size=edge)
