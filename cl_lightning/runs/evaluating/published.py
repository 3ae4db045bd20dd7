"""The network of a run with ImageNet weights that a library publishes, as a baseline."""

from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.errors import NoRowError
from cl_lightning.weights import begin
from cl_lightning.weights.named import digest_by_name


class NotPublishedError(NoRowError):
    """There are no such weights for this network, or they are not on this machine."""

    row = "ImageNet weights"


def begin_published(method: Any) -> None:
    """Load the weights that torchvision or timm publishes for the backbone of a method.

    Raises:
        NotPublishedError: there are none, or they can't be downloaded or read.
    """
    name = _name(method.encoder.backbone)
    if name is None:
        raise NotPublishedError(
            f"no library has weights of this {type(method.encoder.backbone).__name__}; accepted: a run with "
            "encoder.backbone.stem=imagenet, or encoder=timm"
        )
    try:
        begin(method, name, ("backbone",))
    except ConfigError as error:
        raise NotPublishedError(str(error).removeprefix("init.weights is ")) from error


def weights_of(backbone: Any) -> dict[str, str]:
    """Name and SHA-256 of these weights, as an evaluation file has them."""
    name = _name(backbone)
    assert name is not None, "they were loaded"
    return {"kind": "imagenet", "source": name, "digest": digest_by_name(name)}


def _name(backbone: Any) -> str | None:
    return getattr(backbone, "published", None)
