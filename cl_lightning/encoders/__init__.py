"""Encoders: backbones with a known feature size, the projector, and the BatchNorm policy."""

from cl_lightning.encoders.batch_norm import PolicyBatchNorm
from cl_lightning.encoders.encoder import Encoder
from cl_lightning.encoders.groups import check_groups
from cl_lightning.encoders.policy import apply_policy
from cl_lightning.encoders.projector import Projector
from cl_lightning.encoders.resnet import ResNet
from cl_lightning.encoders.small_conv_net import SmallConvNet
from cl_lightning.encoders.small_resnet import SmallResNet
from cl_lightning.encoders.timm_backbone import TimmBackbone

__all__ = [
    "Encoder",
    "PolicyBatchNorm",
    "Projector",
    "ResNet",
    "SmallConvNet",
    "SmallResNet",
    "TimmBackbone",
    "apply_policy",
    "check_groups",
]

# What a config may name.
OPTIONS = (
    "cl_lightning.encoders.Encoder",
    "cl_lightning.encoders.ResNet",
    "cl_lightning.encoders.SmallConvNet",
    "cl_lightning.encoders.SmallResNet",
    "cl_lightning.encoders.TimmBackbone",
)
