"""The frozen networks of a run: trained, as it began, untrained, or none at all."""

from typing import Any, Literal

from torch import nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.blueprints.allowed import GROUP, NotAllowedError
from cl_lightning.checkpoints import Checkpoint
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.assemble import assemble_method
from cl_lightning.runs.ending import by_a_script
from cl_lightning.runs.evaluating.errors import NotEvaluableError
from cl_lightning.runs.evaluating.published import begin_published
from cl_lightning.runs.evaluating.start import ORIGINS, Trained, as_it_began
from cl_lightning.runs.folder import RunFolder

Source = Literal["query", "key", "untrained", "pixels", "starting", "parent", "imagenet"]


def frozen_network(
    folder: RunFolder, config: dict[str, Any], source: Source, encoder: Trained = "query"
) -> tuple[nn.Module, Any]:
    """The network of `source`, from images to features, and the views, whose `clean` makes its input.

    Raises:
        NotEvaluableError: the run can't be built here, for example parts of the user's own code.
        NoRowError: the weights with which it began are gone or have changed; there are no ImageNet weights.
        ConfigError: its checkpoint does not fit.
    """
    method: Any = _method_of(folder, config)
    if source == "pixels":
        return nn.Flatten(), method.views
    if source in ORIGINS:
        as_it_began(method, config, encoder)
    elif source == "imagenet":
        begin_published(method)
    elif source != "untrained":
        checkpoint = Checkpoint(folder.path)
        checkpoint.load_into(method.encoder, checkpoint.encoder_weights(source))
    return method.encoder.backbone, method.views


def _method_of(folder: RunFolder, config: dict[str, Any]) -> ContrastiveModule:
    try:
        return assemble_method(config)
    except ConfigError as error:
        message = f"{folder.path} can't be built again: {error}"
        if isinstance(error, NotAllowedError) and error.package:
            what = str(error).partition("; accepted: ")[0]
            message = (
                f"{folder.path} was trained with code that nothing allows here: {what}; accepted: an entry "
                f"point of the group {GROUP}, or {by_a_script([error.package])}"
            )
        raise NotEvaluableError(message) from error
