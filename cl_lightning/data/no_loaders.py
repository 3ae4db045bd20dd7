"""The loaders of a run without validation images."""

from typing import Any, ClassVar

from lightning.pytorch.utilities import CombinedLoader


class NoLoaders(CombinedLoader):
    """Makes Lightning skip the evaluation. Lightning would take an empty list for a loader, and warn."""

    flattened: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        super().__init__([], "sequential")
