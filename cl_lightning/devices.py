"""What devices differ in: whether they have float64, and how the host copies to them without waiting."""

from functools import cache

import torch
from torch import Tensor


@torch.compiler.assume_constant_result
def has_float64(device: torch.device) -> bool:
    """Whether tensors on the device can be float64; those on the GPU of a Mac can't."""
    return _of_type(device.type)


@cache
def _of_type(device: str) -> bool:
    try:
        torch.empty((), dtype=torch.float64, device=device)
    except (RuntimeError, TypeError):
        return False
    return True


def on_device(x: Tensor, device: torch.device) -> Tensor:
    """A small tensor on the device; the host does not wait for the copy."""
    # From memory that is not pinned, CUDA may first wait for what the device does.
    pinned = x.pin_memory() if device.type == "cuda" and x.device.type == "cpu" else x
    return pinned.to(device, non_blocking=True)
