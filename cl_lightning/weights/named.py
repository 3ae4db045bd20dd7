"""Weights that torchvision and timm find by name, and download into their caches if they are not there."""

import hashlib
import os
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

import torch
from torch import Tensor

from cl_lightning.blueprints import ConfigError

HUGGING_FACE = "https://huggingface.co"
FILE_NAME = "model.safetensors"  # timm's name for it on Hugging Face


def is_name(source: str) -> bool:
    """Whether a source is `timm:NAME` or `torchvision:NAME`, not a path."""
    return source.partition(":")[0] in LIBRARIES and ":" in source


@lru_cache(maxsize=1)  # once for the run's identity, once to begin with them
def named(source: str) -> tuple[dict[str, Tensor], str]:
    """The state dict of weights with a name, and a description of them.

    Args:
        source: `torchvision:NAME` or `torchvision:NAME.WEIGHTS`, such as `torchvision:resnet50.IMAGENET1K_V2`
            (without WEIGHTS torchvision's default); `timm:NAME` or `timm:NAME.TAG`, such as
            `timm:resnet50.a1_in1k`. Classifiers are part of the state dict.

    Raises:
        ConfigError: the library is missing, or has no such name or no weights for it; or the weights can't
            be downloaded or read, with the file to put in their place.
    """
    library, _, name = source.partition(":")
    return LIBRARIES[library](name)


def digest_by_name(source: str) -> str:
    """The SHA-256 of the names, shapes and values of the weights of a name."""
    digest = hashlib.sha256()
    for name, w in sorted(named(source)[0].items()):
        digest.update(f"{name} {w.dtype} {tuple(w.shape)}".encode())
        digest.update(w.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _of_torchvision(name: str) -> tuple[dict[str, Tensor], str]:
    from torchvision import models

    model, _, tag = name.partition(".")
    key = f"init.weights is torchvision:{name}"
    if model not in models.list_models():
        near = _near(model, models.list_models())
        raise ConfigError(f"{key}; accepted: a name of torchvision.models.list_models(){near}")
    offered = models.get_model_weights(model)
    if (tag or "DEFAULT") not in offered.__members__:
        accepted = ", ".join(f"torchvision:{model}.{member}" for member in offered.__members__)
        what = f"; torchvision has no {tag or 'default weights'} for {model}"
        raise ConfigError(f"{key}{what}; accepted: {accepted or 'a network with weights'}")
    weights = offered[tag or "DEFAULT"]
    file = Path(torch.hub.get_dir(), "checkpoints", os.path.basename(urlparse(weights.url).path))
    put = f"{file}, with the content of {weights.url}"
    found = _loaded(
        lambda: weights.get_state_dict(check_hash=True, map_location="cpu", weights_only=True), key, put
    )
    return found, f"torchvision's {weights} ({file.name})"


def _of_timm(name: str) -> tuple[dict[str, Tensor], str]:
    timm, key = _timm(), f"init.weights is timm:{name}"
    pretrained = timm.list_pretrained()
    architectures = {full.partition(".")[0] for full in pretrained}
    if name not in architectures.union(pretrained):
        near = _near(name, sorted(architectures.union(pretrained)))
        raise ConfigError(
            f"{key}, for which timm has no weights; accepted: a name of timm.list_pretrained(){near}, or the "
            "file of other weights: init.weights=FILE"
        )
    about = timm.get_pretrained_cfg(name)
    with torch.random.fork_rng(devices=[]):  # the network draws weights before it gets these
        found = _loaded(
            lambda: timm.create_model(name, pretrained=True).state_dict(), key, _place_of_timm(about)
        )
    return found, f"timm's {about.architecture}{f'.{about.tag}' if about.tag else ''}"


def _timm() -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ConfigError(
            "init.weights needs timm, which is missing; accepted: pip install 'cl_lightning[timm]'"
        ) from error
    return timm


def _place_of_timm(about: Any) -> str:
    """What to put where, if timm can't download the weights of this entry of its register."""
    if not about.hf_hub_id:
        file = Path(torch.hub.get_dir(), "checkpoints", os.path.basename(urlparse(str(about.url)).path))
        return f"{file}, with the content of {about.url}"
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE, f"models--{about.hf_hub_id.replace('/', '--')}")
    url = f"{HUGGING_FACE}/{about.hf_hub_id}/resolve/main/{about.hf_hub_filename or FILE_NAME}"
    return f"{folder}, from the cache of a machine that has downloaded {url}"


def _loaded(load: Callable[[], dict[str, Tensor]], key: str, put: str) -> dict[str, Tensor]:
    try:
        return dict(load())
    except Exception as error:  # the libraries let errors of the network, of files and of their own through
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"{key}, which can't be downloaded or read ({reason}); accepted: {put}; or that file as "
            "init.weights=FILE"
        ) from error


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=3)
    return f", such as {', '.join(near)}" if near else ""


LIBRARIES: dict[str, Callable[[str], tuple[dict[str, Tensor], str]]] = {
    "timm": _of_timm,
    "torchvision": _of_torchvision,
}
