"""What is told of weights beside the parts that were taken."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from cl_lightning.weights.layouts import tables
from cl_lightning.weights.recognise import Found

MANY = 6  # groups of entries that are listed


def left_over(found: Found, content: Mapping[str, Any], used: Iterable[str]) -> str:
    """What of the file was not used, in groups."""
    rest = [name for name in found.table if name not in set(used)]
    groups = Counter(".".join(name.split(".")[: _depth(name, found)]) for name in rest)
    texts = [name if name in found.table else f"{name}.* ({n})" for name, n in groups.items()]
    texts += [str(name) for name, part in content.items() if not _holds(part, found.table)]
    more = f" and {len(texts) - MANY} more" if len(texts) > MANY else ""
    return f"{', '.join(texts[:MANY])}{more}" if texts else ""


def _holds(part: Any, table: Mapping[str, Tensor]) -> bool:
    """Whether a part of a file has the table of weights in it, or is one of its tensors."""
    ours = {id(w) for w in table.values()}
    return any(id(w) in ours for inside in tables({"": part}) for w in inside.values())


def _depth(name: str, found: Found) -> int:
    """How many components of an entry's name are shown: two where the backbone begins with the same one."""
    above = found.layout.backbone.partition(".")[0]
    return 2 if above and name.startswith(f"{above}.") else 1


def differs(method: Any, about: Mapping[str, Any] | None) -> list[str]:
    """How the run of the weights saw its images otherwise."""
    lines = []
    for name, there in ((about or {}).get("input") or {}).items():
        here = getattr(method.views, name, None)
        here = list(here) if isinstance(here, tuple) else here
        if None not in (there, here) and there != here:
            lines.append(f"{name} of the images: {there} there, {here} here")
    return lines


def precisions(method: Any, found: Found) -> list[str]:
    """What is told of weights in another precision than the method's."""
    here = method.dtype
    there = {w.dtype for w in found.table.values() if w.is_floating_point()} - {here}
    return [
        f"{_short(dtype)} there, {_short(here)} here"
        + (": weights are rounded" if dtype.itemsize > here.itemsize else "")
        for dtype in sorted(there, key=str)
    ]


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
