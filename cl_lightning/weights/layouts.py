"""Where other programs keep the parts of a method: the names of their entries begin with these prefixes."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

WRAPPERS = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile
DEEPEST = 4  # levels of containers in which weights are looked for


class Layout(NamedTuple):
    """A program and its prefixes; None for a part that it has not. The key encoder has two of its own."""

    program: str
    backbone: str
    projector: str | None = None
    key_backbone: str | None = None
    key_projector: str | None = None
    queue: str | None = None
    pointer: str | None = None

    @property
    def others(self) -> tuple[str, ...]:
        """The prefixes besides that of the backbone."""
        return tuple(prefix for prefix in self[2:] if prefix is not None)


OURS = Layout("cl_lightning", "encoder.backbone.", "encoder.projector.")
LAYOUTS = (
    OURS,
    Layout(  # and the MoCo of Lightning Bolts
        "facebookresearch/moco",
        *("encoder_q.", "encoder_q.fc.", "encoder_k.", "encoder_k.fc.", "queue", "queue_ptr"),
    ),
    Layout(
        "lightly",
        *("backbone.", "projection_head.layers.", "backbone_momentum.", "projection_head_momentum.layers."),
        *("criterion.memory_bank.bank", "criterion.memory_bank.bank_ptr"),
    ),
    Layout(
        "solo-learn",
        *("backbone.", "projector.", "momentum_backbone.", "momentum_projector.", "queue", "queue_ptr"),
    ),
    Layout(
        "solo-learn before 1.0.6",
        *("encoder.", "projector.", "momentum_encoder.", "momentum_projector.", "queue", "queue_ptr"),
    ),
    Layout("Lightning Bolts", "encoder.", "projection.model."),
    Layout("sthalles/SimCLR", "backbone.", "backbone.fc."),
    Layout("Spijkervet/SimCLR", "encoder.", "projector."),
    Layout("HobbitLong/SupContrast", "encoder.", "head."),
    Layout("leftthomas/SimCLR", "f.", "g."),
    Layout("mmpretrain", "backbone.", "neck."),
    Layout("torchvision or timm", ""),
)


def tables(content: Mapping[Any, Any], depth: int = DEEPEST) -> Iterator[dict[str, Tensor]]:
    """All tables of names and tensors in a file, without the prefixes of wrappers."""
    table = {name: w for name, w in content.items() if isinstance(name, str) and isinstance(w, Tensor)}
    if table:
        yield _unwrapped(table)
    for part in content.values() if depth else ():
        if isinstance(part, Mapping):
            yield from tables(part, depth - 1)


def below(table: Mapping[str, Tensor], prefix: str | None) -> dict[str, Tensor]:
    """The entries of a prefix, without it."""
    if prefix is None:
        return {}
    return {name[len(prefix) :]: w for name, w in table.items() if name.startswith(prefix)}


def _unwrapped(table: dict[str, Tensor]) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in table):
            table = below(table, wrapper)
    return {name.replace("_orig_mod.", ""): w for name, w in table.items()}
