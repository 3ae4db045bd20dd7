"""How an optimizer computes its step: fused, one kernel for all of a parameter's operations."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer

# Options of an optimizer that change its implementation, not its result.
IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")
# Measured on one thread of a CPU, in us for a step, in a loop and fused: SGD with 40 small tensors 505 and
# 330, AdamW 1,320 and 550; with the 11 million numbers of a ResNet-18 SGD 25,600 and 24,200, AdamW 66,500 and
# 33,500. `foreach` is no faster than the loop there.
FUSED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
DEVICES = ("cpu", "cuda", "mps")


def fused(make: Callable[..., Optimizer], device: torch.device) -> dict[str, bool]:
    """The argument for `make` by which its optimizer is fused; none if it can't be, or if `make` chooses."""
    whole = partial(make)
    chosen = whole.keywords.keys() & IMPLEMENTATION
    return {"fused": True} if whole.func in FUSED and device.type in DEVICES and not chosen else {}


def keep_implementation(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
    """For `register_load_state_dict_pre_hook`: a loaded state keeps the implementation of the optimizer.

    A run may go on on another device, or after an update. torch would take the implementation of the state,
    which need not fit the device.
    """
    own = {name: optimizer.defaults[name] for name in IMPLEMENTATION if name in optimizer.defaults}
    return state | {"param_groups": [group | own for group in state["param_groups"]]}
