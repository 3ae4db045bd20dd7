"""Running means of named scalars."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


class Means(Metric):
    """Means over steps of several scalars, with one addition on the device and no synchronisation.

    Args:
        names: a name for each scalar, in the order of `update`'s arguments.
    """

    full_state_update = False
    total: Tensor
    updates: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = tuple(names)
        self.add_state("total", torch.zeros(len(self.names)), dist_reduce_fx="sum")
        self.add_state("updates", torch.zeros(()), dist_reduce_fx="sum")

    def update(self, *values: Float[Tensor, " steps"]) -> None:
        """Add the scalars of some steps, for each name."""
        assert len(values) == len(self.names), f"{len(values)} values for {self.names}"
        self.total += torch.stack([value.float() for value in values]).sum(1)
        self.updates += len(values[0])

    def compute(self) -> dict[str, Tensor]:
        """The mean of each scalar, by name."""
        return dict(zip(self.names, self.total / self.updates, strict=True))
