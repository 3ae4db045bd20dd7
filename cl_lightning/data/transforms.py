"""What workers do with each image, as the method's views ask for it."""

from functools import partial
from typing import Any

from jaxtyping import UInt8
from torch import Tensor

from cl_lightning.data.centre_crop import centre_crop
from cl_lightning.data.channels import channels_of, in_channels
from cl_lightning.data.workers.worker_loader import Transform


def training_crops(views: Any) -> Transform | None:
    """Cuts the crops of both views, if the views leave this to the workers; converts to grey or colour."""
    return _fitted(views, views.crop_pair if getattr(views, "crops", False) else None)


def middle(views: Any) -> Transform | None:
    """Cuts the middle of the image in the size of the views, if they have one; converts to grey or colour."""
    edge = getattr(views, "size", None)
    return _fitted(views, None if edge is None else partial(centre_crop, size=edge))


def _fitted(views: Any, cut: Transform | None) -> Transform | None:
    channels = channels_of(views)
    return cut if channels is None else partial(in_channels_and_cut, channels=channels, cut=cut)


def in_channels_and_cut(
    image: UInt8[Tensor, "channels_in height width"],
    index: int,
    epoch: int,
    *,
    channels: int,
    cut: Transform | None,
) -> UInt8[Tensor, "..."]:
    """The image, converted to `channels` channels and then cut."""
    image = in_channels(image, channels)
    return image if cut is None else cut(image, index, epoch)
