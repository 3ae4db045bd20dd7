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
    """The parameters of some rows: of tensors, which may lie in tuples, lists and dicts; all else is kept."""
    if isinstance(parameters, Tensor) and parameters.ndim > 0:
        return parameters[rows]
    if isinstance(parameters, dict):
        return {name: rows_of(part, rows) for name, part in parameters.items()}
    if isinstance(parameters, (tuple, list)):
        parts = [rows_of(part, rows) for part in parameters]
        return type(parameters)(*parts) if hasattr(parameters, "_fields") else type(parameters)(parts)
    return parameters
