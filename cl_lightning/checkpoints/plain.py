"""What a checkpoint may hold, so that it can be read without running code."""

import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from cl_lightning.blueprints import ConfigError

_PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Tensor, torch.nn.Parameter)
_CONTAINERS = (dict, OrderedDict, list, tuple, set)


def check_plain(checkpoint: Mapping[str, Any]) -> None:
    """Refuse content that could not be read back.

    Raises:
        ConfigError: something is neither tensor nor plain container; says where it is.
    """
    for place, value in _others(checkpoint, ""):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise ConfigError(
            f"{place} of the checkpoint is a {kind}, which could not be read again; accepted: tensors, "
            "numbers, strings and lists, tuples, sets and dicts of them"
        )
    if code := code_named(checkpoint):
        raise ConfigError(
            f"{code} of the checkpoint names code to run; accepted: hyper-parameters without it"
        )


def code_named(checkpoint: Mapping[str, Any]) -> str | None:
    """The key of a function in a checkpoint that Lightning's `load_from_checkpoint` would call, or None."""
    for name, part in checkpoint.items():
        if isinstance(part, Mapping) and "_instantiator" in part:
            return f"{name}._instantiator"
    return None


def _others(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Everything that is neither tensor nor plain, with its place."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind in (dict, OrderedDict):
        for name, part in value.items():
            inside = f"{place}.{name}" if place else str(name)
            yield from _others(name, f"a key of {place or 'the top'}")
            yield from _others(part, inside)
    elif kind in _CONTAINERS:
        for i, part in enumerate(value):
            yield from _others(part, f"{place}[{i}]")
    elif not _reads_back(value):  # torch accepts a few more types, such as dtypes and devices
        yield place, value


def _reads_back(value: Any) -> bool:
    buffer = io.BytesIO()
    try:
        torch.save(value, buffer)
        buffer.seek(0)
        torch.load(buffer, weights_only=True)
    except Exception:  # pickling an object may raise anything
        return False
    return True
