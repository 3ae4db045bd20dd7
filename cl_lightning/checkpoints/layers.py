"""The layers of a trained encoder, and the views that make its input."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError, OwnPartError, rebuild
from cl_lightning.checkpoints.backbone import load_backbone
from cl_lightning.checkpoints.checkpoint import Checkpoint

LAYERS = ("backbone", "projector", "map")


def load_layer(path: str | Path, layer: str = "backbone", encoder: str = "query") -> nn.Module:
    """The trained network of a run up to a layer, from images; as `load_backbone`, in evaluation mode.

    Args:
        path: a run folder, or a checkpoint file.
        layer: `backbone` for the features [batch, features]; `projector` for the embeddings [batch, dim] of
            the loss; `map` for what the backbone pools, such as [batch, channels, height, width].
        encoder: as for `load_backbone`.

    Raises:
        ValueError: as `load_backbone`; or the network has no such layer.
    """
    if layer not in LAYERS:
        raise ConfigError(f"layer is {layer!r}; accepted: {', '.join(LAYERS)}")
    if layer == "projector":
        return _encoder(Checkpoint(path), encoder)
    backbone = load_backbone(path, encoder)
    return backbone if layer == "backbone" else FeatureMap(backbone)


class FeatureMap(nn.Module):
    """What a backbone pools: its `feature_map(images)`.

    Raises ValueError for a backbone without this method.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        if not callable(getattr(backbone, "feature_map", None)):
            raise ConfigError(
                f"layer is map, but {type(backbone).__name__} has no method `feature_map(images)`; accepted: "
                "backbone, projector, or a network with this method"
            )
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone.feature_map(images)  # type: ignore[operator]


def _encoder(checkpoint: Checkpoint, name: str) -> nn.Module:
    """Backbone and projector."""
    try:
        encoder = rebuild(checkpoint.description["encoder"], "encoder")
    except OwnPartError as error:
        raise _of_own_code(checkpoint.file, error) from error
    checkpoint.load_into(encoder, checkpoint.encoder_weights(name))
    return encoder.eval()


def load_views(path: str | Path) -> Any:
    """The views with which a run was trained; their `clean(images)` makes the network's input.

    Raises:
        ValueError: there is no checkpoint, or its views are of the user's own code, which nothing allows.
    """
    checkpoint = Checkpoint(path)
    try:
        return rebuild(checkpoint.description["arguments"]["views"], "views")
    except OwnPartError as error:
        raise _of_own_code(checkpoint.file, error) from error


def _of_own_code(file: Path, error: OwnPartError) -> ConfigError:
    accepted = error.allowing or "a run whose parts a checkpoint can name"
    return ConfigError(f"{file} was trained with {error}; accepted: {accepted}")
