"""Alignment: how close the embeddings of the two views of an image are."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from cl_lightning.metrics.sphere import on_sphere


class Alignment(Metric):
    """Mean squared distance between the normalised embeddings of two views of an image.

    The alignment loss with alpha = 2 of Wang & Isola (arXiv:2005.10242, section 4.1): from 0 (the views
    coincide) to 4 (they are opposite); two independent directions have 2. Computed in float32.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    total: Tensor
    pairs: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("pairs", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, z_a: Float[Tensor, "batch dim"], z_b: Float[Tensor, "batch dim"]) -> None:
        """Adds one pair for each row."""
        self.total += (on_sphere(z_a) - on_sphere(z_b)).square().sum()
        self.pairs += len(z_a)

    def compute(self) -> Float[Tensor, ""]:
        """The mean over all pairs so far; NaN without any."""
        return self.total / self.pairs
