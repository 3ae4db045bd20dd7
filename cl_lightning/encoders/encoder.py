"""The encoder: a backbone and a projector under one BatchNorm policy."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cl_lightning.encoders.checkpointing import checkpointed
from cl_lightning.encoders.policy import apply_policy
from cl_lightning.encoders.projector import Projector


class Encoder(nn.Module):
    """z = g(f(x)): the backbone f gives the features h, the projector g the embeddings for the loss.

    `backbone` is any module that maps images to [batch, features]. Its feature size is its int attribute
    `features`, or the argument `features`. Its BatchNorm layers are replaced in place by layers with the
    policy `batch_norm` ("sync", "split", "shuffle" or "plain") and `batch_norm_groups` groups (see
    `PolicyBatchNorm`). Weights and images have the channels-last memory format.

    `compile` compiles backbone and projector with torch.compile, also in copies, such as a key encoder.
    `checkpointing` stores the inputs of the backbone's blocks only, and computes them again in backward (see
    `checkpointing.Blocks`): less memory, about a third more time. Both compute the same, with the same names
    of parameters, so they are no part of a run's hash and of checkpoints.

    The other arguments are those of `Projector`.

    Raises ValueError if the feature size is unknown or differs from the backbone's output, if nothing can be
    checkpointed, and for `compile` together with `checkpointing`.
    """

    not_described: ClassVar[tuple[str, ...]] = ("compile", "checkpointing")  # in blueprints

    def __init__(
        self,
        backbone: nn.Module,
        hidden_features: int | None = None,
        out_features: int = 128,
        layers: int = 2,
        projector_batch_norm: bool = True,
        output_batch_norm: bool = False,
        batch_norm: str = "sync",
        batch_norm_groups: int = 1,
        features: int | None = None,
        compile: bool = False,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if compile and checkpointing:
            raise ValueError(
                "encoder.compile and encoder.checkpointing are both true, but compiled blocks would update "
                "BatchNorm's statistics twice; accepted: one of them"
            )
        self.features = _feature_size(backbone) if features is None else features
        self.hidden_features, self.out_features, self.layers = hidden_features, out_features, layers
        self.projector_batch_norm, self.output_batch_norm = projector_batch_norm, output_batch_norm
        self.batch_norm, self.batch_norm_groups = batch_norm, batch_norm_groups
        self.backbone = checkpointed(backbone) if checkpointing else backbone
        self.projector = Projector(
            self.features, hidden_features, out_features, layers, projector_batch_norm, output_batch_norm
        )
        apply_policy(self, batch_norm, batch_norm_groups)
        self.to(memory_format=torch.channels_last)
        self.compiled = compile
        self._compile()

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch dim"]:
        h = self.backbone(images.contiguous(memory_format=torch.channels_last))
        if h.ndim != 2 or h.shape[1] != self.features:
            raise ValueError(
                f"the backbone gave features of shape {tuple(h.shape)}, [batch, {self.features}] was "
                "expected: set encoder.features to its feature size."
            )
        return self.projector(h)

    def _compile(self) -> None:
        # Not the encoder itself, whose hooks would be compiled too; and kNN uses the backbone alone.
        if self.compiled:
            self.backbone.compile()
            self.projector.compile()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._compile()  # a copy of a module is not compiled


def _feature_size(backbone: nn.Module) -> int:
    features = getattr(backbone, "features", None)
    if not isinstance(features, int):
        raise ValueError(
            f"the feature size of {type(backbone).__name__} is unknown: set encoder.features, or give the "
            "backbone an int attribute `features`."
        )
    return features
