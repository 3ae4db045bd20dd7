"""Activation checkpointing: blocks keep only their inputs, and compute again what their backward needs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from cl_lightning.encoders.batch_norm import PolicyBatchNorm


class Blocks(nn.Sequential):
    """An nn.Sequential whose members compute their forward again in backward, and store only its input.

    Members without parameters do not. Gradients and statistics of BatchNorm are those of an nn.Sequential:
    BatchNorm does not count what is computed again, and Dropout drops the same.
    """

    def forward(self, x: Any) -> Any:
        for member in self:
            trained = self.training and torch.is_grad_enabled() and any(True for _ in member.parameters())
            x = _checkpointed(member, x) if trained else member(x)
        return x


def checkpointed(backbone: nn.Module) -> nn.Module:
    """The backbone with the members of its outermost nn.Sequentials checkpointed, changed in place.

    Parameters and buffers stay the same objects with the same names. Raises ValueError if there are none.
    """
    if type(backbone) is nn.Sequential:
        return _blocks(backbone)
    found = list(_outermost(backbone))
    if not found:
        raise ValueError(
            f"encoder.checkpointing is true, but {type(backbone).__name__} has no torch.nn.Sequential, whose "
            "members it checkpoints; accepted: encoder.checkpointing=false"
        )
    for parent, name, sequential in found:
        setattr(parent, name, _blocks(sequential))
    return backbone


def _outermost(module: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Sequential]]:
    for name, child in module.named_children():
        if type(child) is nn.Sequential:
            yield module, name, child
        else:
            yield from _outermost(child)


def _blocks(sequential: nn.Sequential) -> Blocks:
    blocks = Blocks()
    blocks.__dict__ = sequential.__dict__  # members, hooks and mode
    return blocks


def _checkpointed(member: nn.Module, x: Any) -> Any:
    return checkpoint(member, x, use_reentrant=False, context_fn=partial(_contexts, member))


def _contexts(member: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """For the forward, and for computing it again."""
    return nullcontext(), _uncounted(member)


@contextmanager
def _uncounted(member: nn.Module) -> Iterator[None]:
    layers = [layer for layer in member.modules() if isinstance(layer, PolicyBatchNorm)]
    for layer in layers:
        layer.counts = False
    try:
        yield
    finally:
        for layer in layers:
            layer.counts = True
