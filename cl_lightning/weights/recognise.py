"""Finds the parts of a method in a file, whichever program wrote it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.encoders.likeness import options_like
from cl_lightning.weights.backbones import check_form
from cl_lightning.weights.layouts import LAYOUTS, OURS, Layout, below, tables
from cl_lightning.weights.naming import COUNTERS, Naming, namings

ENOUGH = 0.5  # the share of a network's names that a file must have to be one of such a network
SHOWN = 4  # names in a message


class Found(NamedTuple):
    """The weights in a file, where its parts are, and the file's names of the backbone's weights."""

    table: dict[str, Tensor]
    layout: Layout
    naming: Naming

    @property
    def entries_of_backbone(self) -> frozenset[str]:
        """The full names of the backbone's weights, which several layouts may find."""
        return frozenset(self.layout.backbone + name for name in self.naming.values())


def recognised(content: Mapping[Any, Any], backbone: nn.Module, file: str, ours: bool = False) -> Found:
    """The table, layout and naming with which most of the backbone's names are in the file.

    Of several layouts with as many, the one of whose other parts most are there. A prefix that no layout
    knows is found too, if there is only one. In a checkpoint of `ours` only our own names count.

    Raises:
        ConfigError: the file has no weights, or none of such a network, or under several unknown prefixes.
    """
    best: tuple[int, int] = (0, 0)
    found: list[Found] = []
    every = list(tables(content))
    for table in every:
        for naming in namings(backbone):
            for layout in (OURS,) if ours else (*LAYOUTS, *_unknown(table, naming)):
                score = _score(table, naming, layout)
                if score > best:
                    best, found = score, []
                if score == best:
                    found.append(Found(table, layout, naming))
    weights = [name for name in backbone.state_dict() if not name.endswith(COUNTERS)]
    if not found or best[0] < ENOUGH * len(weights):
        names = [name for table in every for name in table]
        what = f"its entries are {_some(names)}" if names else "it has no tensors with names"
        raise ConfigError(
            f"init.weights is {file}, which holds no network like this run's: {what}, where {_some(weights)} "
            f"are looked for; accepted: weights of this architecture{_or_like(every)}"
        )
    known = [one for one in found if one.layout in LAYOUTS]
    networks = {one.entries_of_backbone: one.layout.backbone for one in reversed(found)}
    if not known and len(networks) > 1:
        prefixes = ", ".join(sorted(networks.values()))
        raise ConfigError(
            f"init.weights is {file}, which holds several such networks, below {prefixes}; accepted: a file "
            "with one of them"
        )
    return (known or found)[0]


def _score(table: Mapping[str, Tensor], naming: Naming, layout: Layout) -> tuple[int, int]:
    """How many of the backbone's names are there, and how many of the layout's other parts."""
    hits = sum(layout.backbone + name in table for own, name in naming.items() if not own.endswith(COUNTERS))
    others = sum(any(name.startswith(prefix) for name in table) for prefix in layout.others)
    return hits, others


def _unknown(table: Mapping[str, Tensor], naming: Naming) -> list[Layout]:
    """Layouts with the prefixes that stand before the name of the backbone's first weight."""
    first = next(iter(naming.values()), "")
    known = {layout.backbone for layout in LAYOUTS}
    prefixes = {name.removesuffix(first) for name in table if name.endswith(f".{first}")}
    return [Layout(f"the names {prefix}*", prefix) for prefix in sorted(prefixes - known)]


def entries(found: Found, part: str) -> dict[str, Tensor]:
    """The entries of a part: of `backbone`, `projector`, `key_backbone` and `key_projector`.

    A projector inside the backbone (`encoder_q.fc`) is no part of the backbone.

    Raises:
        MisfitError: they are no ordinary tensors of real numbers.
    """
    prefix = getattr(found.layout, part)
    inner = getattr(found.layout, part.replace("backbone", "projector"))
    inside = None if inner is None or part.endswith("projector") else inner.removeprefix(prefix or "")
    every = below(found.table, prefix)
    weights = {n: w for n, w in every.items() if inside in (None, inner) or not n.startswith(str(inside))}
    check_form(weights)
    return weights


def _or_like(every: Sequence[Mapping[str, Tensor]]) -> str:
    """The config of the network in a file, if it is known."""
    for table in every:
        for layout in LAYOUTS:
            if like := options_like(below(table, layout.backbone)):
                return f", or {like}"
    return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
