"""How gradients that were computed along with the loss leave the backward pass."""

import torch
from torch import Tensor


def scaled(gradient: Tensor, upstream: Tensor) -> Tensor:
    """The gradient of the loss times what arrives from above; RuntimeError for a second derivative."""
    if torch.is_grad_enabled():
        raise RuntimeError("the contrastive losses have no second derivative: leave create_graph False")
    return gradient * upstream
