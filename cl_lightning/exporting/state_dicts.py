"""Weights as files: for this package, torchvision and timm."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.encoders import ResNet, TimmBackbone
from cl_lightning.exporting.trained import Loaded, Trained
from cl_lightning.files import FailingOnce

PREPROCESSING = "preprocessing.json"


class NotInFormatError(ConfigError):
    """A network that a format does not know."""


def as_safetensors(trained: Trained, folder: Path) -> Loaded:
    """Writes model.safetensors, under the network's own names."""
    save_file(_whole(trained.network), folder / "model.safetensors")
    _write_preprocessing(trained, folder)
    return _read_back(trained, load_file(folder / "model.safetensors"), trained.network)


def for_torchvision(trained: Trained, folder: Path) -> Loaded:
    """Writes NAME.pth, a state dict of torchvision's model without its classifier."""
    from torchvision import models

    name = torchvision_name(trained)
    with (folder / f"{name}.pth").open("wb") as opened:
        torch.save(_whole(trained.network), FailingOnce(opened))  # type: ignore[arg-type]
    _write_preprocessing(trained, folder)
    network = models.get_model(name, weights=None)
    network.fc = nn.Identity()
    return _read_back(trained, torch.load(folder / f"{name}.pth", weights_only=True), network)


def for_timm(trained: Trained, folder: Path) -> Loaded:
    """Writes config.json and model.safetensors, from which `timm.create_model("local-dir:DIR")` makes it."""
    try:
        import timm
        from timm.models import save_for_hf
    except ModuleNotFoundError as error:
        raise ConfigError(
            "--format timm needs timm, which is missing; accepted: pip install 'cl_lightning[timm]'"
        ) from error
    name, network, given = timm_name(trained), trained.network, dict[str, Any]()
    if isinstance(network, TimmBackbone):
        network = network.network
        about = timm.get_pretrained_cfg(name)
        if about is not None and about.fixed_input_size:
            given["img_size"] = trained.network.size
    if trained.channels != 3:
        given["in_chans"] = trained.channels
    overlay: dict[str, Any] = {"mean": trained.mean, "std": trained.std}
    if trained.size is not None:
        overlay |= {"input_size": (trained.channels, trained.size, trained.size), "pool_size": None}
    with torch.random.fork_rng(devices=[]):  # its weights are drawn before they are replaced
        copy = timm.create_model(name, num_classes=0, pretrained_cfg_overlay=overlay, **given)
    copy.to(trained.dtype).load_state_dict(_whole(network))
    save_for_hf(copy, str(folder), model_args=given or None, safe_serialization=True)
    loaded = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0)
    return _loaded(trained, loaded, _whole(network))


def torchvision_name(trained: Trained) -> str:
    """The name of torchvision's model.

    Raises:
        NotInFormatError: it has none like the network; says why.
    """
    name = _resnet(trained)
    if trained.channels != 3:
        raise NotInFormatError(f"torchvision's {name} takes 3 channels, and this network {trained.channels}")
    return name


def timm_name(trained: Trained) -> str:
    """The name of timm's model.

    Raises:
        NotInFormatError: it has none like the network; says why.
    """
    return trained.network.model if isinstance(trained.network, TimmBackbone) else _resnet(trained)


def _resnet(trained: Trained) -> str:
    """The name by which torchvision and timm know a ResNet."""
    network = trained.network
    if isinstance(network, ResNet) and network.stem == "imagenet":
        return f"resnet{network.depth}"
    kind = type(network).__name__
    stem = f" with the stem for {network.stem} images" if isinstance(network, ResNet) else ""
    raise NotInFormatError(f"there is no {kind}{stem} in it")


def _whole(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: w.detach().clone(memory_format=torch.contiguous_format)
        for name, w in network.state_dict().items()
    }


def _read_back(trained: Trained, weights: dict[str, Tensor], network: nn.Module) -> Loaded:
    network.load_state_dict(weights, strict=True)
    return _loaded(trained, network, _whole(trained.network))


@torch.no_grad()
def _loaded(trained: Trained, network: nn.Module, expected: dict[str, Tensor]) -> Loaded:
    found = network.state_dict()
    differences = [float((found[name] - w).abs().max()) for name, w in expected.items() if w.numel()]
    features = network.eval().to(trained.dtype)(trained.normalised(trained.images()))
    return Loaded(features, max(differences, default=0.0))


def _write_preprocessing(trained: Trained, folder: Path) -> None:
    about = {
        "channels": trained.channels,
        "size": trained.size,
        "mean": trained.mean,
        "std": trained.std,
        "input": "(pixels / 255 - mean) / std, float32 [batch, channels, height, width]",
        "features": trained.features,
        "network": trained.about["encoder"].get("backbone", trained.about["encoder"]),
    }
    (folder / PREPROCESSING).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
