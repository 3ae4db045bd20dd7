"""The trained backbone, for the user's own code."""

from pathlib import Path
from typing import Any

from torch import nn

from cl_lightning.blueprints import ConfigError, find_own, rebuild
from cl_lightning.checkpoints.checkpoint import Checkpoint, without_prefix


def load_backbone(path: str | Path, encoder: str = "query", backbone: nn.Module | None = None) -> nn.Module:
    """The trained backbone of a run: images [batch, channels, size, size] to features [batch, features].

    Its `size`, `mean` and `std` say what it was trained on: `(pixels / 255 - mean) / std`, pixels of
    `size` x `size`; None where the user's own views didn't say. Attributes of these names that a
    user's own network has stay its own. It has ordinary BatchNorm layers, is in
    evaluation mode, on the CPU, in float32 (or float64, if it was trained so). A ResNet with ImageNet's stem
    has the state dict of torchvision's model less `fc`.

    Args:
        path: a run folder, or a checkpoint file.
        encoder: the trained `query` encoder, or MoCo's `key` encoder, its moving average.
        backbone: the user's own network, where that was trained: one like it, to receive the weights.

    Raises:
        ValueError: no checkpoint there, one that is broken or another program's, an encoder that it has not,
            a user's own backbone that was not given, weights that are missing or left over.
    """
    checkpoint = Checkpoint(path)
    about = checkpoint.description
    if backbone is None:
        backbone = _built(about["encoder"], checkpoint.file)
    checkpoint.load_into(backbone, without_prefix(checkpoint.encoder_weights(encoder), "backbone."))
    for name, value in about["input"].items():
        if not hasattr(backbone, name):  # a user's own network may have a buffer of this name
            setattr(backbone, name, tuple(value) if isinstance(value, list) else value)
    return backbone.eval()


def _built(encoder: Any, file: Path) -> nn.Module:
    blueprint = encoder.get("backbone", encoder)  # an encoder of the user's own has none
    own = find_own(blueprint)
    if own is not None:
        raise ConfigError(
            f"{file} was trained with {own}, which is not one of cl_lightning's backbones; accepted: "
            "load_backbone(path, backbone=...) with a network like it"
        )
    return rebuild(blueprint, "encoder.backbone")
