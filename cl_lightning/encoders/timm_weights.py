"""Weights of timm's networks that were made for another image size or other channels."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

RGB = 3  # the channels from which timm adapts


def adapted_to(
    network: nn.Module, channels: int, weights: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """`weights` as timm would load them into `network`, which takes images with `channels`; and what changed.

    timm's filter of the network's kind renames weights of older layouts, and resamples position embeddings
    and patches for another image size. The first convolution for 3 channels is summed for 1 channel, and
    repeated and scaled by 3 / channels for others (`timm.models.adapt_input_conv`).
    """
    found = dict(_filter_of(network)(dict(weights), network))
    for name in _first_convolutions(network):
        if name in found and found[name].shape[1] == RGB != channels:
            found[name] = _adapt_channels(channels, found[name])
    told = [
        f"{name} from {list(weights[name].shape)} to {list(weight.shape)} by timm"
        for name, weight in found.items()
        if name in weights and weight.shape != weights[name].shape
    ]
    if renamed := len(found.keys() - weights.keys()):
        told.append(f"{renamed} weights of an older layout renamed by timm")
    return found, told


def _filter_of(network: nn.Module) -> Callable[[dict[str, Tensor], nn.Module], Mapping[str, Tensor]]:
    own = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    return own or (lambda weights, network: weights)


def _first_convolutions(network: Any) -> list[str]:
    first = network.pretrained_cfg.get("first_conv") or ()
    return [f"{name}.weight" for name in ([first] if isinstance(first, str) else first)]


def _adapt_channels(channels: int, weight: Tensor) -> Tensor:
    from timm.models import adapt_input_conv  # timm is an extra

    return adapt_input_conv(channels, weight)
