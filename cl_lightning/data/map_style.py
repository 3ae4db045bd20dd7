"""What a data set must have: a length, and items by number, as torch's map-style Datasets."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class MapStyle(Protocol):
    """Images, or (image, label), by number from 0 to len - 1."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...
