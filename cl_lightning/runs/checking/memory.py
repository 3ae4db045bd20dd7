"""Checks that the sizes in a config can fit into memory."""

import os
from collections import Counter

import torch
from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.method_state import states_of
from cl_lightning.data import ContrastiveData
from cl_lightning.methods.contrastive import ContrastiveModule

GIB = 2**30


def check_memory(method: ContrastiveModule, data: ContrastiveData, trainer: Trainer) -> None:
    """Check that the device has more memory than a step needs at least (without activations).

    Raises:
        ConfigError: it has not; says what needs how much, and names the key of the largest.
    """
    there = memory_of(trainer.strategy.root_device)
    parts = least_bytes(method, data, trainer)
    if there is None or sum(parts.values()) < there:
        return
    listed = ", ".join(f"{size / GIB:,.1f} by {key}" for key, size in parts.items())
    largest = max(parts, key=parts.__getitem__)
    raise ConfigError(
        f"a step needs more than {sum(parts.values()) / GIB:,.1f} GiB of memory ({listed}), but there are "
        f"{there / GIB:,.1f}; accepted: less of {largest}"
    )


def memory_of(device: torch.device) -> int | None:
    """Bytes of memory of the device, or of this machine for a CPU; None if unknown."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type != "cpu" or "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", ()):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def least_bytes(method: ContrastiveModule, data: ContrastiveData, trainer: Trainer) -> dict[str, int]:
    """Bytes that a process needs in every step, by the config key that determines the size."""
    parts: Counter[str] = Counter()
    for name, module in method.named_children():
        weights = sum(p.numel() * p.element_size() for p in module.parameters())
        parts["encoder" if name == "encoder" else "method"] += 2 * weights  # weights and gradients
    size, mean = getattr(method.views, "size", None), getattr(method.views, "mean", None)
    if size is not None and mean is not None:
        pixels = 2 * (data.batch_size // trainer.world_size) * len(mean) * size**2
        parts["data.size or data.batch_size"] = 4 * pixels
    for state in states_of(trainer):
        parts.update(state.least_bytes(method))
    return parts
