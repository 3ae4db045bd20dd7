"""The parts of a method: which are accepted, in words, in a checkpoint, and out of it."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer

from cl_lightning.blueprints import arguments, describe, find_own, rebuild
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.encoders import Encoder
from cl_lightning.methods.versions import versions


def check_parts(encoder: Any, optimizer: Any) -> None:
    """ValueError for parts that are easily given in another form."""
    if not isinstance(encoder, Encoder):
        raise ValueError(
            f"encoder is a {type(encoder).__name__}; accepted: cl_lightning.encoders.Encoder(backbone, "
            "features=...) with any backbone"
        )
    if isinstance(optimizer, Optimizer):
        raise ValueError(
            f"optimizer is a {type(optimizer).__name__} that has its parameters; accepted: what makes one "
            "from parameter groups, such as functools.partial(torch.optim.AdamW, lr=1e-3)"
        )


def lacking(method: Any, kind: type[Any]) -> str:
    """What to tell where a run has no callback of a kind that its method needs."""
    key = re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
    package = "cl_lightning.callbacks" if kind.__module__.startswith("cl_lightning.") else kind.__module__
    target = f"{package}.{kind.__qualname__}"
    return (
        f"{type(method).__name__} needs a {kind.__name__}, and callbacks has none; accepted: "
        f"'++callbacks.{key}={{_target_: {target}}}', in Python Trainer(callbacks=[{kind.__name__}(), ...])"
    )


def saved(method: Any) -> dict[str, Any]:
    """What a checkpoint says of its method, in plain containers: its class, arguments, input and versions."""
    return {
        "method": type(method).__name__,
        "arguments": arguments(method),
        "encoder": describe(method.encoder),  # a subclass may make it without being given one
        "input": {name: _plain(getattr(method.views, name, None)) for name in ("size", "mean", "std")},
        "versions": versions(),
    }


def _plain(value: Any) -> Any:
    """Numbers out of tensors and arrays."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return describe(value.tolist() if hasattr(value, "tolist") else value)


def rebuilt(method: str, checkpoint: Checkpoint, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a checkpoint's method, with those `given` in the place of the checkpoint's.

    Raises:
        ValueError: the checkpoint is another method's, or holds arguments that must be given.
    """
    about, file = checkpoint.description, checkpoint.file
    if about["method"] != method:
        raise ValueError(f"{file} holds {about['method']}; accepted: {about['method']}.load_from_checkpoint")
    blueprints = {name: part for name, part in about["arguments"].items() if name not in given}
    own = {name: find_own(part) for name, part in blueprints.items()}
    if missing := [f"{name}= ({what})" for name, what in own.items() if what is not None]:
        raise ValueError(
            f"{file} was written with parts of your own code; accepted: load_from_checkpoint(path, ...) with "
            f"{', '.join(missing)}"
        )
    plain = {n: rebuild(p, n) if isinstance(p, dict) else p for n, p in blueprints.items()}
    return plain | given


def in_words(function: Callable[..., Any]) -> str:
    """A function's name and the arguments that a `partial` holds for it."""
    if not isinstance(function, partial):
        return getattr(function, "__name__", repr(function))
    arguments = ", ".join(f"{key}={value}" for key, value in function.keywords.items())
    return f"{in_words(function.func)}({arguments})"


def network_in_words(network: nn.Module) -> str:
    """The class of a network, and what it was made with where that is plain."""
    given = describe(network)
    if find_own(given) is not None:
        return type(network).__name__
    settings = ", ".join(f"{name}={value}" for name, value in given.items() if name != "_target_")
    return f"{type(network).__name__}({settings})"
