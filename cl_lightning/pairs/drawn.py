"""The random parameters of views, drawn once for a batch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cl_lightning.devices import on_device
from cl_lightning.pairs.crop import Boxes
from cl_lightning.pairs.flip import Flipped


class Drawn(NamedTuple):
    """The parameters of some views, one row a view. Images that are cropped already have no boxes."""

    boxes: Boxes | None
    flipped: Flipped | None
    operations: tuple[Any, ...]


def rows_of(parameters: Any, rows: slice | Tensor) -> Any:
    """The parameters of some rows: of tensors, which may lie in tuples, lists and dicts; all else is kept."""
    return _changed(parameters, lambda x: x[rows] if x.ndim > 0 else x)


def moved(parameters: Any, device: torch.device) -> Any:
    """The parameters with all tensors on `device`."""
    return _changed(parameters, lambda x: on_device(x, device))


def _changed(parameters: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(parameters, Tensor):
        return change(parameters)
    if isinstance(parameters, dict):
        return {name: _changed(part, change) for name, part in parameters.items()}
    if isinstance(parameters, (tuple, list)):
        parts = [_changed(part, change) for part in parameters]
        return type(parameters)(*parts) if hasattr(parameters, "_fields") else type(parameters)(parts)
    return parameters
