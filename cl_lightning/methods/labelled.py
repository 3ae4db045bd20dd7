"""Losses whose positives are images with the same label."""

from functools import partial
from typing import Any

from lightning.pytorch.utilities import rank_zero_warn

from cl_lightning.data import ContrastiveData
from cl_lightning.methods.arguments import takes


def takes_labels(loss: Any) -> bool:
    """Whether a loss has an argument `labels`, int64 [batch], that is still to be passed."""
    return takes(loss, "labels")


def check_labels(loss: Any, data: ContrastiveData) -> None:
    """Raises ValueError if the loss takes labels, but no training image has one."""
    if takes_labels(loss) and not data.has_positives:
        name = getattr(partial(loss).func, "__name__", type(loss).__name__)
        raise ValueError(
            f"loss={name} makes positives of images with the same label, but no image of data.train has one; "
            "accepted: data.positives, a regular expression on the paths of photos; a data.train of (image, "
            "label); or loss=nt_xent"
        )


def warn_of_unused_positives(loss: Any, data: ContrastiveData) -> None:
    """Warn if `data.positives` makes labels, but the loss takes none."""
    if data.positives is not None and not takes_labels(loss):
        rank_zero_warn(
            f"data.positives={data.positives} has no effect: the loss takes no labels; loss=sup_con does"
        )
