"""The config of a ResNet whose weights are known."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cl_lightning.encoders.resnet import ARCHITECTURES, ResNet

FIRST = "conv1.weight"


def options_like(weights: Mapping[str, Tensor]) -> str | None:
    """The keys of a config whose ResNet has these weights, such as `encoder=resnet50
    encoder.backbone.stem=imagenet`; None for any other."""
    first = weights.get(FIRST)
    if first is None or first.ndim != 4:
        return None
    stem = "cifar" if first.shape[-1] == 3 else "imagenet"
    for depth in ARCHITECTURES:
        with torch.device("meta"):
            network = ResNet(depth, stem, channels=first.shape[1])
        names = {n: w.shape for n, w in network.state_dict().items() if w.ndim > 0}
        if all(name in weights and weights[name].shape == shape for name, shape in names.items()) and not [
            n for n in weights if n.startswith("layer") and n not in network.state_dict()
        ]:
            return f"encoder=resnet{depth} encoder.backbone.stem={stem}"
    return None
