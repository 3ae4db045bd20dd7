"""Parameter groups with and without weight decay."""

from typing import Any

from torch import nn


def param_groups(module: nn.Module, decay_norms_and_biases: bool = False) -> list[dict[str, Any]]:
    """The trainable parameters of `module`, with biases and norms in a group without weight decay.

    Biases and the parameters of normalisation layers are those with one dimension. timm's LARS does not adapt
    the learning rate of a group without weight decay; SimCLR's official code does the same for biases and
    norms. `always_adapt` makes LARS adapt the rate of all other weights even if their weight decay is 0.
    Other optimizers ignore this key.

    Args:
        module: the module to train.
        decay_norms_and_biases: True for one group with all parameters, as in MoCo's official code.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    if decay_norms_and_biases:
        return [{"params": parameters, "always_adapt": True}]
    weights = [p for p in parameters if p.ndim > 1]
    norms_and_biases = [p for p in parameters if p.ndim <= 1]
    groups = [
        {"params": weights, "always_adapt": True},
        {"params": norms_and_biases, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
