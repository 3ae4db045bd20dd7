"""Weights that torchvision and timm find by name, and download into their caches if they are not there."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
    """Whether a source is `timm:NAME` or `torchvision:NAME`, and no file of this name exists."""
    library, colon, _ = source.partition(":")
    return bool(colon) and library in LIBRARIES and not os.path.exists(source)


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


def forget_named() -> None:
    """Free the memory of the weights that `named` keeps."""
    named.cache_clear()


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
    with _told(key, _by_url(weights.url)):
        found = weights.get_state_dict(check_hash=True, map_location="cpu", weights_only=True)
    return dict(found), f"torchvision's {weights}"


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
    place = _by_hugging_face(about) if about.hf_hub_id else _by_url(about.url)
    # The network draws weights before it gets these.
    with _told(key, place), torch.random.fork_rng(devices=[]):
        found = timm.create_model(name, pretrained=True).state_dict()
    return found, f"timm's {about.architecture}{f'.{about.tag}' if about.tag else ''}"


def _timm() -> ModuleType:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ConfigError(
            "init.weights needs timm, which is missing; accepted: pip install 'cl_lightning[timm]'"
        ) from error
    return timm


def _by_url(url: str) -> tuple[str, str]:
    """Where weights are, and where torch.hub looks for the file."""
    file = Path(torch.hub.get_dir(), "checkpoints", os.path.basename(urlparse(url).path))
    return url, f"as {file}"


def _by_hugging_face(about: Any) -> tuple[str, str]:
    """Where weights are, and where timm looks for them, if it has them from Hugging Face."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE, f"models--{about.hf_hub_id.replace('/', '--')}")
    url = f"{HUGGING_FACE}/{about.hf_hub_id}/resolve/main/{about.hf_hub_filename or FILE_NAME}"
    return url, f"in {folder}, copied whole from the cache of a machine that has downloaded it"


@contextmanager
def _told(key: str, place: tuple[str, str]) -> Iterator[None]:
    """Turns errors of network, files and libraries into one that says which file to put where."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        url, put = place
        raise ConfigError(
            f"{key}, which can't be downloaded or read ({reason}); accepted: the file of {url} {put}; or "
            "that file as init.weights=FILE"
        ) from error


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=3)
    return f", such as {', '.join(near)}" if near else ""


LIBRARIES: dict[str, Callable[[str], tuple[dict[str, Tensor], str]]] = {
    "timm": _of_timm,
    "torchvision": _of_torchvision,
}
