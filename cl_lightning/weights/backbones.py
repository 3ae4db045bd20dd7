"""Fits the weights of a file to a backbone."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from cl_lightning.encoders.likeness import options_like
from cl_lightning.weights.naming import COUNTERS, Naming

SHOWN = 3
OF_LAYERS = ("weight", "bias", "running_mean", "running_var")


class MisfitError(Exception):
    """Weights do not fit: what is wrong, and what is accepted."""

    def __init__(self, reason: str, accepted: str) -> None:
        super().__init__(reason)
        self.accepted = accepted


class Fit(NamedTuple):
    """A state dict for a network, the names of the file's entries in it, and what was changed."""

    weights: dict[str, Tensor]
    used: set[str]
    told: list[str]


@runtime_checkable
class Adaptable(Protocol):
    """A backbone that adapts weights itself, such as a transformer those of another image size."""

    def adapted(self, weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
        """Weights (under the backbone's own names) as they fit it, and what was changed, in words."""


def fit_backbone(backbone: nn.Module, naming: Naming, given: Mapping[str, Tensor]) -> Fit:
    """The backbone's weights from the entries of a file.

    Other numbers of input channels: the first convolution's weights of 3 channels are summed for 1; for more
    they are repeated in turn and scaled by 3 / channels (as timm does). So an image whose channels are equal
    gives the same features, if the larger number is a multiple of the smaller.

    Raises:
        MisfitError: weights are missing, have another shape, or are left over within the backbone.
    """
    own = backbone.state_dict()
    found = {name: given[there] for name, there in naming.items() if there in given}
    told: list[str] = []
    if isinstance(backbone, Adaptable):
        found, told = backbone.adapted(found)
    found, channels = _with_channels(found, own)
    _check(backbone, own, found, given, naming)
    counters = {name: own[name] for name in own if name.endswith(COUNTERS) and name not in found}
    used = {there for there in naming.values() if there in given}
    check_finite(found)
    return Fit({**found, **counters}, used, told + channels)


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Raises MisfitError for NaN or infinity in weights."""
    for name, w in weights.items():
        if w.is_floating_point() and not torch.isfinite(w).all():
            raise MisfitError(f"holds NaN or infinity in {name}", "weights that are numbers")


def check_form(weights: Mapping[str, Tensor]) -> None:
    """Raises MisfitError for tensors that are not plain numbers, such as those of a quantized network."""
    for name, w in weights.items():
        kinds = {
            "sparse": w.layout is not torch.strided,
            "quantized": w.is_quantized,
            "complex": w.is_complex(),
            "without values": w.is_meta,
            "in 8 bits": w.is_floating_point() and w.dtype.itemsize == 1,
            "of whole numbers": not w.is_floating_point() and name.rpartition(".")[2] in OF_LAYERS,
        }
        if found := [kind for kind, is_one in kinds.items() if is_one]:
            raise MisfitError(f"holds {name}, which is {found[0]}", "dense weights in floating point")


def _with_channels(
    found: dict[str, Tensor], own: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    name = next((name for name, w in own.items() if w.ndim == 4), None)
    if name is None or name not in found or found[name].ndim != 4:
        return found, []
    there, here = found[name], own[name]
    before, now = there.shape[1], here.shape[1]
    if before == now or (*there.shape[:1], *there.shape[2:]) != (*here.shape[:1], *here.shape[2:]):
        return found, []
    if now == 1:
        changed, rule = there.sum(dim=1, keepdim=True), "summed"
    else:
        changed = there[:, torch.arange(now) % before] * (before / now)
        rule = f"repeated in turn, times {before}/{now}"
    told = f"{name} is for {now} channels and has {before} there: {rule}"
    return found | {name: changed}, [told]


def _check(
    backbone: nn.Module,
    own: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    naming: Naming,
) -> None:
    missing = [naming[n] for n in own if n not in found and not n.endswith(COUNTERS)]
    shapes = [
        f"{naming[n]} is {list(found[n].shape)} there, {list(own[n].shape)} here"
        for n in own
        if n in found and found[n].shape != own[n].shape
    ]
    tops = {there.partition(".")[0] for there in naming.values()}
    left = [n for n in given if n not in set(naming.values()) and n.partition(".")[0] in tops]
    left = [n for n in left if not n.endswith(COUNTERS)]
    problems = [
        f"{what}: {'; '.join(names[:SHOWN])}{f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''}"
        for what, names in (("missing", missing), ("other shapes", shapes), ("left over", left))
        if names
    ]
    if problems:
        like = options_like(given)
        accepted = (
            f"{like}, or a file of this run's architecture" if like else "a file of the same architecture"
        )
        if isinstance(backbone, Adaptable):  # what it could adapt, it has
            accepted += " and image size (data.size)"
        raise MisfitError("does not fit the backbone: " + "; ".join(problems), accepted)
