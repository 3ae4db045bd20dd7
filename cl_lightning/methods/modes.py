"""Training and evaluation mode of the trained and frozen parts of a method."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

NAMED = 4  # so many parts are named, others are counted


def begin_training(method: nn.Module) -> None:
    """Set training mode for everything except frozen parts, which keep their modes.

    A part is frozen if all its parameters are without gradients. A layer without parameters, such as Dropout,
    is treated as the part to which it belongs. A module whose own `train` method keeps a part in evaluation
    mode is respected.
    """
    kept = [(module, module.training) for part in frozen_parts(method) for module in part.modules()]
    method.train()
    for module, training in kept:
        module.training = training


def frozen_parts(method: nn.Module) -> Iterator[nn.Module]:
    """The largest parts of which all parameters are without gradients."""
    parameters = list(method.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        yield method
        return
    for child in method.children():
        yield from frozen_parts(child)


def kept_in_evaluation(method: nn.Module) -> str:
    """The names of the largest parts in evaluation mode, as text; empty if there are none."""
    found: list[str] = []
    for name, module in method.named_modules():
        if not module.training and not any(name.startswith(f"{above}.") for above in found):
            found.append(name)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """In this block the whole module is in evaluation mode; afterwards the modes are restored."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
