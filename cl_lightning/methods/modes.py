"""Which parts of a method learn, and which are frozen."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

NAMED = 4  # parts, before the others are only counted


def begin_training(method: nn.Module) -> None:
    """Everything goes into training mode, but for frozen parts: they keep the modes that they have.

    Frozen is a part whose parameters are all without gradients. What has no parameters of its own, such as
    Dropout, is as the part that it belongs to. A module whose own `train` keeps something in evaluation mode
    has its way.
    """
    kept = [(module, module.training) for part in frozen_parts(method) for module in part.modules()]
    method.train()
    for module, training in kept:
        module.training = training


def frozen_parts(method: nn.Module) -> Iterator[nn.Module]:
    """The largest parts whose parameters are all without gradients."""
    parameters = list(method.parameters())
    if parameters and not any(parameter.requires_grad for parameter in parameters):
        yield method
        return
    for child in method.children():
        yield from frozen_parts(child)


def kept_in_evaluation(method: nn.Module) -> str:
    """Names of the largest parts in evaluation mode, in words; empty where there are none."""
    found: list[str] = []
    for name, module in method.named_modules():
        if not module.training and not any(name.startswith(f"{above}.") for above in found):
            found.append(name)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Inside, everything is in evaluation mode; afterwards each part is in the mode that it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
