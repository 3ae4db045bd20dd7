"""Operators that torch.compile takes whole."""

import functools
from collections.abc import Callable
from typing import Any

import torch


def operator(shapes: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function as an operator; `shapes` makes outputs of the same shapes without computing them.

    Only a compiler gets the operator. Without one the function itself runs, which saves a tenth of a
    millisecond, as much as a small loss takes.
    """

    def registered(function: Callable[..., Any]) -> Callable[..., Any]:
        name = f"cl_lightning::{function.__name__}"
        compiled = torch.library.custom_op(name, function, mutates_args=())
        compiled.register_fake(shapes)

        @functools.wraps(function)
        def either(*arguments: Any) -> Any:
            return compiled(*arguments) if torch.compiler.is_compiling() else function(*arguments)

        return either

    return registered
