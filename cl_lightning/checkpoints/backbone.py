"""The trained backbone, for the user's own code."""

from pathlib import Path
from typing import Any

from torch import nn

from cl_lightning.blueprints import OWN, ConfigError, OwnPartError, find_own, rebuild
from cl_lightning.checkpoints.checkpoint import AS_SAVED, Checkpoint, without_prefix

LIKE_IT = "load_backbone(path, backbone=...) with a network like the trained one"


def load_backbone(path: str | Path, encoder: str = "query", backbone: nn.Module | None = None) -> nn.Module:
    """The trained backbone of a run: images [batch, channels, size, size] to features [batch, features].

    Its attributes `size`, `mean` and `std` describe its input: `(pixels / 255 - mean) / std`, images of
    `size` x `size` pixels. They are None if the user's own views don't have them. If a user's own network
    already has attributes of these names, they are not changed. The backbone has ordinary BatchNorm layers
    and is in evaluation mode, on the CPU, in float32 (or float64, if it was trained so). A ResNet with
    ImageNet's stem has the state dict of torchvision's model without `fc`.

    Args:
        path: a run folder, or a checkpoint file.
        encoder: the trained `query` encoder, or MoCo's `key` encoder, its moving average.
        backbone: for a run that trained the user's own network: such a network, to take the weights. It is
            not needed if a config named the network, and `cl_lightning.allow` or an entry point allows this.

    Raises:
        ValueError: there is no checkpoint, or it is broken or another program's; it has no such encoder;
            `backbone` is needed but missing; weights are missing or left over. It says what would do.
    """
    checkpoint = Checkpoint(path)
    about = checkpoint.description
    fitting = LIKE_IT if find_own(about["encoder"]) else AS_SAVED
    if backbone is None:
        backbone = _built(about["encoder"], checkpoint.file)
    weights = without_prefix(checkpoint.encoder_weights(encoder), "backbone.")
    checkpoint.load_into(backbone, weights, fitting)
    for name, value in about["input"].items():
        if not hasattr(backbone, name):  # a user's own network may have a buffer of this name
            setattr(backbone, name, tuple(value) if isinstance(value, list) else value)
    return backbone.eval()


def _built(encoder: Any, file: Path) -> nn.Module:
    try:
        if OWN in encoder:  # a user's own encoder makes its backbone itself
            network = getattr(rebuild(encoder, "encoder"), "backbone", None)
        else:
            network = rebuild(encoder["backbone"], "encoder.backbone")
    except OwnPartError as error:
        ways = [*filter(None, [error.allowing]), LIKE_IT]
        raise ConfigError(f"{file} was trained with {error}; accepted: {', or '.join(ways)}") from error
    if not isinstance(network, nn.Module):
        raise ConfigError(f"{file} names no network as its encoder.backbone; accepted: {LIKE_IT}")
    return network
