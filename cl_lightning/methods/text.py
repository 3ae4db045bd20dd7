"""A method, its functions and networks as text, for its `repr`."""

import inspect
from collections.abc import Callable
from functools import partial
from textwrap import indent
from typing import Any

from torch import nn

from cl_lightning.blueprints import describe, find_own


def method_text(method: Any) -> str:
    """Its class, and on a line each its pairs, encoder and loss."""
    encoder = method.encoder
    choices = {
        "pairs": function_text(method.views),
        "encoder": f"{network_text(encoder.backbone)}, {encoder.features} features, "
        f"{encoder.out_features} embedded, batch norm {encoder.batch_norm}",
        "loss": function_text(method.loss),
    }
    lines = [indent(f"{name + ':':9}{words}", 11 * " ").strip() for name, words in choices.items()]
    return "\n  ".join([f"{type(method).__name__}(", *lines]) + "\n)"


def function_text(function: Callable[..., Any]) -> str:
    """A function's name, with its arguments from a `partial` or their defaults."""
    given: dict[str, Any] = {}
    if isinstance(function, partial):
        given, function = function.keywords, function.func
    if inspect.isfunction(function):
        named = inspect.signature(function).parameters.values()
        # Keyword-only are those that the method passes itself.
        settings = (p for p in named if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY)
        given = {p.name: p.default for p in settings} | given
    name = getattr(function, "__name__", repr(function))
    arguments = ", ".join(f"{key}={value}" for key, value in given.items())
    return f"{name}({arguments})" if arguments else name


def network_text(network: nn.Module) -> str:
    """The class of a network, with its arguments if they are plain values."""
    given = describe(network)
    if find_own(given) is not None:
        return type(network).__name__
    settings = ", ".join(f"{name}={value}" for name, value in given.items() if name != "_target_")
    return f"{type(network).__name__}({settings})"
