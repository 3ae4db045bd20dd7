"""Begins a method with weights that exist: of one of our runs, or of another program."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from cl_lightning.blueprints import ConfigError, shown
from cl_lightning.callbacks.method_state import MethodState
from cl_lightning.checkpoints import DESCRIPTION, Checkpoint
from cl_lightning.weights.backbones import Fit, MisfitError, check_finite, fit_backbone
from cl_lightning.weights.files import contents
from cl_lightning.weights.layouts import below
from cl_lightning.weights.named import forget_named, is_name, named
from cl_lightning.weights.projectors import fit_projector
from cl_lightning.weights.recognise import Found, entries, recognised
from cl_lightning.weights.states import begin_state, counted, own_states
from cl_lightning.weights.told import differs, left_over, precisions

ALL = "all"


@dataclass(frozen=True)
class Begun:
    """What a method began with: the source, and lines on each part, on changes and on what is left over."""

    source: str
    lines: Sequence[tuple[str, str]]
    about: Mapping[str, Any] | None  # the description in a checkpoint of ours

    def __str__(self) -> str:
        return "\n".join([self.source, *(f"{name}: {text}" for name, text in self.lines)])


def init_weights(method: Any, weights: str | Path, parts: Sequence[str] | str = ("backbone",)) -> Begun:
    """Load weights into a method before its fit, and print what was found, changed and left over.

    See `begin`, which does the same without printing.
    """
    begun = begin(method, weights, parts)
    rank_zero_only(print)("begins with " + str(begun).replace("\n", "\n  "))
    return begun


def begin(method: Any, weights: str | Path, parts: Sequence[str] | str) -> Begun:
    """Load weights into a method before its fit.

    Nothing is loaded if anything does not fit. Parts that are not named keep their weights; a key encoder
    that is not named becomes a copy of the encoder at the start of the fit, as always. The states of
    callbacks (key encoder, queue) are used by the next fit, once.

    Args:
        method: a `SimCLR`, `MoCoV2` or another method of this package.
        weights: the folder of a run; a file: a checkpoint of ours, of facebookresearch/moco, lightly,
            solo-learn, Lightning Bolts, PyTorch ports of SimCLR or SupCon, a state dict of torchvision or
            timm, from torch or safetensors; `timm:NAME` or `torchvision:NAME`, which these libraries load.
        parts: `backbone`, `projector` and the method's others, see `parts_of`; or `all`.

    Raises:
        ConfigError: there is no such file, or it is incomplete or would run code; a part is unknown or not in
            the file; weights are missing, left over within a part, or of another shape.
    """
    if not isinstance(weights, (str, Path)):
        raise ConfigError(
            f"init.weights is a {type(weights).__name__}; accepted: a run folder, a file or a name"
        )
    if not hasattr(method, "begins_with"):
        raise ConfigError(
            f"init_weights was given a {type(method).__name__}; accepted: a method of cl_lightning, such as "
            "SimCLR; for a backbone alone, load_backbone"
        )
    source = str(weights)
    wanted = _wanted(method, parts)
    content, about = _opened(source)
    found = recognised(content, method.encoder.backbone, source, ours=about is not None)
    steps: list[Callable[[], Any]] = []
    used: set[str] = set()
    lines: list[tuple[str, str]] = []
    for part in wanted:
        try:
            step, names, told = _part(part, method, found, content if about is not None else None)
        except MisfitError as error:
            raise ConfigError(
                f"init.weights is {source}, which {error}; accepted: {error.accepted}"
            ) from error
        steps.append(step)
        used |= names
        lines.append((part, "; ".join(told)))
    for step in steps:
        step()
    lines += [("left over", left)] if (left := left_over(found, content, used)) else []
    lines += [("differs", line) for line in [*differs(method, about), *precisions(method, found)]]
    method.begun = Begun(f"{source} ({_origin(source, found, about)})", lines, about)
    forget_named()
    return method.begun


def _origin(source: str, found: Found, about: Mapping[str, Any] | None) -> str:
    """Which program wrote the weights, or which of a library's they are."""
    if about is not None:
        return f"cl_lightning: {about.get('method')}"
    return named(source)[1] if is_name(source) else found.layout.program


def parts_of(method: Any) -> tuple[str, ...]:
    """The parts of a method: backbone, projector, further networks, and the states of its callbacks."""
    states = [kind.part for kind in method.needed_callbacks if issubclass(kind, MethodState)]
    return ("backbone", "projector", *_further(method), *states)


def _further(method: nn.Module) -> list[str]:
    """The names of a method's networks beside its encoder, such as a predictor."""
    networks = [name for name, child in method.named_children() if any(True for _ in child.parameters())]
    return [name for name in networks if name != "encoder"]


def _wanted(method: Any, parts: Sequence[str] | str) -> tuple[str, ...]:
    known = parts_of(method)
    if parts == ALL:
        return known
    wanted = tuple(parts) if isinstance(parts, (list, tuple)) else ()
    if not wanted or any(part not in known for part in wanted):
        raise ConfigError(
            f"init.parts is {shown(parts)}; accepted for {type(method).__name__}: all, or a list of "
            f"{', '.join(known)}"
        )
    return tuple(part for part in known if part in wanted)


def _opened(source: str) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """The content of a source, and the description in a checkpoint of ours."""
    if is_name(source):
        return {"state_dict": named(source)[0]}, None
    path = Path(source).expanduser()
    content = _of_run(path) if os.path.isdir(path) else contents(path)
    about = content.get(DESCRIPTION)
    if not isinstance(about, Mapping):
        return content, None
    return {name: content[name] for name in ("state_dict", "callbacks") if name in content}, about


def _of_run(folder: Path) -> Mapping[str, Any]:
    try:
        return Checkpoint(folder).content
    except ConfigError as error:
        raise ConfigError(f"init.weights is {folder}, but {error}") from error


def _part(
    part: str, method: Any, found: Found, own: Mapping[str, Any] | None
) -> tuple[Callable[[], Any], set[str], list[str]]:
    """What loads a part, the entries that it uses, and the words on it."""
    if part == "backbone":
        fit = fit_backbone(method.encoder.backbone, found.naming, entries(found, "backbone"))
        return _loading(method.encoder.backbone, fit, found.layout.backbone)
    if part == "projector":
        fit = fit_projector(method.encoder.projector, entries(found, "projector"))
        return _loading(method.encoder.projector, fit, found.layout.projector or "")
    if part in _further(method):
        weights, network = below(found.table, f"{part}."), getattr(method, part)
        here = {name: w.shape for name, w in network.state_dict().items()}
        if own is None or {name: w.shape for name, w in weights.items()} != here:
            raise MisfitError(
                f"has no such {part}", f"a run with the same method.*, or init.parts without {part}"
            )
        check_finite(weights)
        return _loading(network, Fit(weights, set(weights), []), f"{part}.")
    kind = next(kind for kind in method.needed_callbacks if getattr(kind, "part", None) == part)
    states = None if own is None else own_states(own)
    if states is not None and kind.__name__ not in states:
        raise MisfitError(f"has no {part}", f"init.parts without {part}")
    state, used, told = begin_state(
        kind, method.encoder, found, None if states is None else states[kind.__name__]
    )
    return partial(method.begins_with.__setitem__, part, state), used, told


def _loading(network: nn.Module, fit: Fit, prefix: str) -> tuple[Callable[[], Any], set[str], list[str]]:
    number = f"{counted(fit.weights):,} weights"
    return (
        partial(network.load_state_dict, fit.weights, strict=True),
        {prefix + name for name in fit.used},
        [number, *fit.told],
    )
