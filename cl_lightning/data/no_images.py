"""The loaders of a run without validation images."""

import warnings
from typing import Any


class NoImages(list[Any]):
    """No loaders."""


def nothing_to_evaluate() -> NoImages:
    """What Lightning takes for no evaluation, without its remark that it may not be meant."""
    warnings.filterwarnings("ignore", message=f"Total length of `{NoImages.__name__}` across ranks is zero")
    return NoImages()
