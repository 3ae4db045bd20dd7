"""The views on which a classifier is trained."""

from dataclasses import replace
from typing import Any

from torch import Tensor

from cl_lightning.pairs.middle import middle
from cl_lightning.pairs.views import Views


def labelled_views(views: Any, seed: int) -> Any:
    """The crop and flip of a run's views, without their changes of colour; another `seed` draws others.

    Views without a crop (those of digits, which are warped) keep all their operations, and a user's own views
    stay as they are: a class survives them.
    """
    if not isinstance(views, Views):
        return views
    return replace(views, seed=seed, operations=() if views.crops else views.operations)


def fitting(views: Any, images: Tensor) -> Tensor:
    """Images for views that cut no crop: the middle in their size, as in an evaluation.

    Only images that are not the run's can have another size.
    """
    if not isinstance(views, Views) or views.crop is not None:
        return images
    size = (views.size, views.size)
    return images if images.shape[-2:] == size else middle(images, views.size)


def told_of(views: Any) -> str:
    """Of what kind these views are, for a protocol."""
    if not isinstance(views, Views) or views.crop is None:
        return "trained on the run's views"
    low, high = views.crop.scale
    flips = views.flip is not None and views.flip.probability > 0
    return f"trained on crops of {low:g} to {high:g} of the area{', mirrored or not' if flips else ''}"
