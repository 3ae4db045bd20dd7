"""The states with which the callbacks of a method begin: a key encoder, a queue."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from cl_lightning.callbacks import MomentumEncoder
from cl_lightning.callbacks.first_in_first_out import NEVER, FirstInFirstOut
from cl_lightning.callbacks.method_state import MethodState
from cl_lightning.encoders import Encoder
from cl_lightning.weights.backbones import MisfitError, check_form, fit_backbone
from cl_lightning.weights.layouts import OURS, below
from cl_lightning.weights.projectors import fit_projector
from cl_lightning.weights.recognise import Found, entries

UNIT = 1e-3  # how far from 1 a key's length may be


def begin_state(
    kind: type[MethodState], encoder: Encoder, found: Found, own: Mapping[str, Any] | None
) -> tuple[dict[str, Any], set[str], list[str]]:
    """The state for a callback of this kind, the entries that it uses, and what was changed.

    Args:
        own: the state in a checkpoint of ours; None for a file of another program.

    Raises:
        MisfitError: the file has no such state, or one of other sizes.
    """
    if issubclass(kind, MomentumEncoder):
        return _key_encoder(encoder, found, own)
    if issubclass(kind, FirstInFirstOut):
        return _queue(kind, encoder, found, own)
    raise MisfitError(f"has no {kind.part}", "init.parts without it")


def _key_encoder(
    encoder: Encoder, found: Found, own: Mapping[str, Any] | None
) -> tuple[dict[str, Any], set[str], list[str]]:
    if own is not None:
        backbone, projector = (below(own["encoder"], f"{name}.") for name in ("backbone", "projector"))
        prefixes = ("", "")
    else:
        backbone, projector = entries(found, "key_backbone"), entries(found, "key_projector")
        prefixes = (found.layout.key_backbone or "", found.layout.key_projector or "")
    if not backbone:
        raise MisfitError("has no key encoder", "init.parts without key_encoder, which then is a copy")
    fits = fit_backbone(encoder.backbone, found.naming, backbone), fit_projector(encoder.projector, projector)
    weights = {
        f"{part}.{name}": w
        for part, fit in zip(("backbone", "projector"), fits, strict=True)
        for name, w in fit.weights.items()
    }
    used = {prefix + name for prefix, fit in zip(prefixes, fits, strict=True) for name in fit.used}
    told = [f"{counted(weights):,} weights", *(line for fit in fits for line in fit.told)]
    return {"encoder": weights}, used if own is None else set(), told


def _queue(
    kind: type[FirstInFirstOut], encoder: Encoder, found: Found, own: Mapping[str, Any] | None
) -> tuple[dict[str, Any], set[str], list[str]]:
    without = f"init.parts without {kind.part}"
    name, dim = found.layout.queue, encoder.out_features
    if own is not None:
        keys, pointer, real, used = own["keys"], own["pointer"], own["entered"] != NEVER, set()
    elif kind.part != "queue" or name is None or name not in found.table:
        raise MisfitError(f"has no {kind.title}", without)
    else:
        keys = found.table[name]
        pointer, real = _pointer(found), None
        used = {name, str(found.layout.pointer)}
    check_form({kind.title: keys})
    if keys.ndim != 2 or dim not in keys.shape or not keys.numel():
        raise MisfitError(
            f"has a {kind.title} of shape {list(keys.shape)}, and the embeddings of this run have {dim} "
            "dimensions",
            f"one queue of keys with {dim} dimensions, or {without}",
        )
    by_columns = keys.shape[1] != dim or (found.layout is not OURS and name == "queue" and own is None)
    keys = keys.T if by_columns and keys.shape[0] == dim else keys
    keys = keys.contiguous().to(torch.promote_types(keys.dtype, torch.float32))
    lengths = keys.norm(dim=1)
    if kind.unit_keys and not torch.all((lengths - 1).abs() < UNIT):
        raise MisfitError(
            f"has a {kind.title} with vectors of length {lengths.min():.3g} to {lengths.max():.3g}",
            f"vectors of length 1, or {without}",
        )
    if not 0 <= pointer < len(keys):
        raise MisfitError(f"has a {kind.title} of {len(keys):,} keys that begins at {pointer:,}", without)
    return kind.begun_with(keys, pointer, real), used, [f"{len(keys):,} keys"]


def _pointer(found: Found) -> int:
    """The place of a queue's oldest key; -1 if it is no number."""
    pointer = found.table.get(str(found.layout.pointer))
    if pointer is None:
        return 0
    return int(pointer) if pointer.numel() == 1 and torch.isfinite(pointer).all() else -1


def own_states(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The states of callbacks in a checkpoint of ours, by the names of their classes."""
    return {str(name).partition("{")[0]: state for name, state in content.get("callbacks", {}).items()}


def counted(weights: Mapping[str, Tensor]) -> int:
    """The number of weights in a state dict, without counters."""
    return sum(w.ndim > 0 for w in weights.values())
