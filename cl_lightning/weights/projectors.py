"""Fits the weights of a file to a projector, layer by layer: each program has its own names for them."""

from collections.abc import Mapping
from itertools import pairwise, product
from typing import NamedTuple

import torch
from torch import Tensor

from cl_lightning.encoders import Projector
from cl_lightning.weights.backbones import Fit, MisfitError, check_finite
from cl_lightning.weights.naming import COUNTERS

WITHOUT = "init.parts without projector"
MOST = 3  # layers of our projector


class Layer(NamedTuple):
    """A linear or normalisation layer: its name and its tensors."""

    name: str
    tensors: dict[str, Tensor]

    @property
    def is_linear(self) -> bool:
        return self.tensors["weight"].ndim == 2


def fit_projector(projector: Projector, given: Mapping[str, Tensor]) -> Fit:
    """The projector's weights from those of a file, in the order of the layers.

    Three differences are no difference of the function, and are told: a bias before BatchNorm, which is
    subtracted from its mean; a linear layer without bias where ours has one, which becomes 0; a bias of 0
    where our BatchNorm has none.

    Raises:
        MisfitError: the layers are others, or have other widths; says which keys would fit.
    """
    there, here = layers(given), layers(projector.state_dict())
    if not there:
        raise MisfitError("has no projector", WITHOUT)
    alike = [layer.is_linear for layer in there] == [layer.is_linear for layer in here]
    if not alike or any(
        theirs.tensors["weight"].shape != ours.tensors["weight"].shape
        for theirs, ours in zip(there, here, strict=True)
    ):
        raise MisfitError(
            f"has another projector: {_text(there)} there, {_text(here)} here",
            f"{_keys(there)}, or {WITHOUT}" if _as_ours(there, here[0]) else WITHOUT,
        )
    weights: dict[str, Tensor] = {}
    told: list[str] = []
    shift: Tensor | None = None  # a bias for which ours has no place
    for theirs, ours in zip(there, here, strict=True):
        fitting, after, lines = _fitted(theirs, ours, shift)
        weights |= {_joined(ours.name, name): w for name, w in fitting.items()}
        told, shift = told + lines, after
    check_finite(weights)
    return Fit(weights, set(given), told)


def layers(given: Mapping[str, Tensor]) -> list[Layer]:
    """The layers of a projector that have weights, in their order.

    Layers with numbers for names are in the order of these; others in the order in which they are stored.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in given.items():
        module, _, kind = name.rpartition(".")
        found.setdefault(module, {})[kind] = tensor
    names = [name for name, tensors in found.items() if "weight" in tensors]
    if all(part.isdigit() for name in names for part in name.split(".")):
        names.sort(key=lambda name: [int(part) for part in name.split(".")])
    return [Layer(name, found[name]) for name in names]


def _fitted(
    theirs: Layer, ours: Layer, shift: Tensor | None
) -> tuple[dict[str, Tensor], Tensor | None, list[str]]:
    """The tensors of a layer, the bias that the next layer must take over, and what was changed."""
    there, here = dict(theirs.tensors), ours.tensors
    told, after = [], None
    if shift is not None:
        if theirs.is_linear or "running_mean" not in there:
            raise MisfitError(f"has a bias before {theirs.name}, for which ours has no place", "no such bias")
        there["running_mean"] = there["running_mean"] - shift
    bias = there.get("bias")
    if "bias" in here and bias is None:
        there["bias"] = torch.zeros_like(here["bias"])
        told.append(f"{_joined(theirs.name, 'bias')} is not there: 0")
    if "bias" not in here and bias is not None:
        del there["bias"]
        if theirs.is_linear:
            after = bias
            told.append(f"{_joined(theirs.name, 'bias')} is taken into the mean of the BatchNorm after it")
        elif bias.any():
            raise MisfitError(
                f"has a bias in the BatchNorm at the projector's output ({theirs.name}), and ours has none",
                WITHOUT,
            )
    counters = {name: w for name, w in here.items() if name == COUNTERS and name not in there}
    there |= counters
    if there.keys() != here.keys():
        raise MisfitError(
            f"has {', '.join(sorted(there))} in the projector's layer {theirs.name}, and ours "
            f"{', '.join(sorted(here))}",
            WITHOUT,
        )
    return there, after, told


def _joined(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _text(found: list[Layer]) -> str:
    return ", ".join(
        "linear {1} to {0}".format(*layer.tensors["weight"].shape) if layer.is_linear else "norm"
        for layer in found
    )


def _as_ours(found: list[Layer], first: Layer) -> bool:
    """Whether our projector, for as many features as `first` has, can have these layers."""
    shapes = [layer.tensors["weight"].shape for layer in found if layer.is_linear]
    kinds = [layer.is_linear for layer in found]
    forms = [True], [True, False]  # of a layer: without and with BatchNorm
    last_bias = None if not found or found[-1].is_linear else found[-1].tensors.get("bias")
    if last_bias is not None and last_bias.any():  # our BatchNorm at the output has none
        return False
    possible = [inner * (len(shapes) - 1) + last for inner, last in product(forms, forms)]
    return (
        0 < len(shapes) <= MOST
        and kinds in possible
        and shapes[0][1] == first.tensors["weight"].shape[1]
        and all(after[1] == before[0] == shapes[0][0] for before, after in pairwise(shapes))
    )


def _keys(found: list[Layer]) -> str:
    """The config of a projector with these layers."""
    linear = [layer for layer in found if layer.is_linear]
    kinds = [layer.is_linear for layer in found]
    norm = len(linear) > 1 and kinds[:2] == [True, False]
    widths = [layer.tensors["weight"].shape[0] for layer in linear]
    hidden = f" encoder.hidden_features={widths[0]}" if len(linear) > 1 else ""
    return (
        f"encoder.layers={len(linear)}{hidden} encoder.out_features={widths[-1] if widths else 0} "
        f"encoder.projector_batch_norm={str(norm).lower()} "
        f"encoder.output_batch_norm={str(not kinds[-1]).lower()}"
    )
