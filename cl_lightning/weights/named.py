"""Weights that torchvision and timm find by name, and download if they are not there."""

import hashlib
from functools import lru_cache

import torch
from torch import Tensor

from cl_lightning.blueprints import ConfigError

LIBRARIES = ("timm", "torchvision")


def is_name(source: str) -> bool:
    """Whether a source is `timm:NAME` or `torchvision:NAME`."""
    return source.partition(":")[0] in LIBRARIES and ":" in source


@lru_cache(maxsize=1)  # once for the run's identity, once to begin with them
def named(source: str) -> tuple[dict[str, Tensor], str]:
    """The state dict of a name, and a description of the weights.

    Raises:
        ConfigError: there are no such weights, or they can't be downloaded.
    """
    library, _, name = source.partition(":")
    try:
        return _of_timm(name) if library == "timm" else _of_torchvision(name)
    except Exception as error:  # of a library, the network or a file
        reason = " ".join(str(error).split())
        raise ConfigError(
            f"init.weights is {source}, which can't be loaded: {reason}; accepted: a file"
        ) from error


def _of_timm(name: str) -> tuple[dict[str, Tensor], str]:
    import timm

    return timm.create_model(name, pretrained=True).state_dict(), f"timm {name}"


def _of_torchvision(name: str) -> tuple[dict[str, Tensor], str]:
    from torchvision.models import get_model_weights

    model, _, kind = name.partition(".")
    weights = get_model_weights(model)[kind or "DEFAULT"]
    return dict(weights.get_state_dict(check_hash=True)), f"torchvision {model} {weights.name}"


def digest_by_name(source: str) -> str:
    """The SHA-256 of the names, shapes and values of the weights of a name."""
    digest = hashlib.sha256()
    for name, w in sorted(named(source)[0].items()):
        digest.update(f"{name} {w.dtype} {tuple(w.shape)}".encode())
        digest.update(w.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
