"""The random parameters of views, drawn once for a batch."""

from typing import Any, NamedTuple

from torch import Tensor

from cl_lightning.pairs.crop import Boxes
from cl_lightning.pairs.flip import Flipped


class Drawn(NamedTuple):
    """The parameters of some views, one row a view. Images that are cropped already have no boxes."""

    boxes: Boxes | None
    flipped: Flipped | None
    operations: tuple[Any, ...]


def rows_of(parameters: Any, rows: slice) -> Any:
    """The parameters of some rows; tensors may lie in (named) tuples."""
    if parameters is None:
        return None
    if isinstance(parameters, Tensor):
        return parameters[rows]
    parts = [rows_of(part, rows) for part in parameters]
    return type(parameters)(*parts) if hasattr(parameters, "_fields") else tuple(parts)
