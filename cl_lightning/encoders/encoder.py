"""The encoder: a backbone and a projector under one BatchNorm policy."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cl_lightning.encoders.policy import apply_policy
from cl_lightning.encoders.projector import Projector


class Encoder(nn.Module):
    """z = g(f(x)): the backbone f gives the features h, the projector g the embeddings for the loss.

    `backbone` is any module that maps images to [batch, features]. Its feature size is its int attribute
    `features`, or the argument `features`. Its BatchNorm layers are replaced in place by layers with the
    policy `batch_norm` ("sync", "split", "shuffle" or "plain") and `batch_norm_groups` groups (see
    `PolicyBatchNorm`). Weights and images have the channels-last memory format.

    The other arguments are those of `Projector`.

    Raises ValueError if the feature size is unknown or differs from the backbone's output.
    """

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
    ) -> None:
        super().__init__()
        self.features = _feature_size(backbone) if features is None else features
        self.hidden_features, self.out_features, self.layers = hidden_features, out_features, layers
        self.projector_batch_norm, self.output_batch_norm = projector_batch_norm, output_batch_norm
        self.batch_norm, self.batch_norm_groups = batch_norm, batch_norm_groups
        self.backbone = backbone
        self.projector = Projector(
            self.features, hidden_features, out_features, layers, projector_batch_norm, output_batch_norm
        )
        apply_policy(self, batch_norm, batch_norm_groups)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch dim"]:
        h = self.backbone(images.contiguous(memory_format=torch.channels_last))
        if h.ndim != 2 or h.shape[1] != self.features:
            raise ValueError(
                f"the backbone gave features of shape {tuple(h.shape)}, [batch, {self.features}] was "
                "expected: set encoder.features to its feature size."
            )
        return self.projector(h)


def _feature_size(backbone: nn.Module) -> int:
    features = getattr(backbone, "features", None)
    if not isinstance(features, int):
        raise ValueError(
            f"the feature size of {type(backbone).__name__} is unknown: set encoder.features, or give the "
            "backbone an int attribute `features`."
        )
    return features
