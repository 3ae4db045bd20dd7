"""The loaders of a run without validation images."""

from typing import Any, ClassVar

from lightning.pytorch.utilities import CombinedLoader


class NoLoaders(CombinedLoader):
    """What Lightning takes for no evaluation. It warns of an empty list, which it takes for a loader."""

    flattened: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        super().__init__([], "sequential")
