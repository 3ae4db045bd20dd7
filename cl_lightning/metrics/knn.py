"""Weighted kNN accuracy: whether neighbours share a class (Wu et al., arXiv:1805.01978, section 3.4)."""

import torch
from jaxtyping import Float, Int
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchmetrics import MeanMetric, Metric
from torchmetrics.utilities import dim_zero_cat

from cl_lightning.metrics.neighbours import nearest, vote
from cl_lightning.metrics.sphere import on_sphere, similarity_blocks


class KNNAccuracy(Metric):
    """Top-1 accuracy of a weighted vote among the k nearest rows of a bank.

    Neighbours are the rows with the highest cosine similarity s; each votes for its class with the weight
    exp(s / temperature). `add_to_bank` fills the bank, `update` adds queries; `reset` empties both. Of
    equally similar rows the first in the bank counts; of classes with equal votes the smallest number wins.
    Labels are any whole numbers. Computed in float32, in blocks of queries.

    With several processes, each answers its own queries, and searches the banks of all processes in rank
    order. Each process must have queries and bank rows.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    bank_features: list[Tensor]
    bank_labels: list[Tensor]

    def __init__(self, k: int = 200, temperature: float = 0.1) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k is {k}; at least 1 neighbour is accepted: set callbacks.knn.k")
        if not temperature > 0:
            raise ValueError(
                f"temperature is {temperature}; a number above 0 is accepted: set callbacks.knn.temperature"
            )
        self.k = k
        self.temperature = temperature
        self._warned = False
        for state in ("bank_features", "bank_labels"):
            self.add_state(state, [], dist_reduce_fx="cat")
        # Not torchmetrics states, which would be gathered: other processes need only the answers.
        self.query_features: list[Tensor] = []
        self.query_labels: list[Tensor] = []
        self._answers = MeanMetric(nan_strategy="disable")  # which would read from the device

    def reset(self) -> None:
        """Empties bank and queries."""
        super().reset()
        self.query_features, self.query_labels = [], []

    def add_to_bank(self, features: Float[Tensor, "n dim"], labels: Int[Tensor, "n"]) -> None:
        """Adds labelled features to the bank."""
        self.bank_features.append(on_sphere(features))
        self.bank_labels.append(labels.long())
        self._computed = None  # torchmetrics does this only in `update`

    def update(self, features: Float[Tensor, "n dim"], labels: Int[Tensor, "n"]) -> None:
        """Adds queries and their true classes."""
        self.query_features.append(on_sphere(features))
        self.query_labels.append(labels.long())

    def compute(self) -> Float[Tensor, ""]:
        """The share of all queries so far for which the vote of the neighbours is right.

        Raises ValueError without a bank or without queries.
        """
        bank, labels = _filled(self.bank_features, self.bank_labels, "bank", "add_to_bank")
        queries, truth = _filled(self.query_features, self.query_labels, "queries", "update")
        classes, votes_for = labels.unique(return_inverse=True)
        k = self._neighbours_available(len(bank))
        correct = []
        for start, cosine in similarity_blocks(queries, bank):
            highest, neighbours = nearest(cosine, k)
            voted = vote(highest, votes_for[neighbours], len(classes), self.temperature)
            correct.append(classes[voted] == truth[start : start + len(cosine)])
        self._answers.reset()
        self._answers.update(torch.cat(correct).float())
        return self._answers.compute()

    def _neighbours_available(self, bank_length: int) -> int:
        if self.k > bank_length and not self._warned:
            self._warned = True
            rank_zero_warn(
                f"k = {self.k} neighbours are asked of a bank of {bank_length}, so all of it votes: "
                "set callbacks.knn.k"
            )
        return min(self.k, bank_length)


def _filled(features: list[Tensor], labels: list[Tensor], name: str, method: str) -> tuple[Tensor, Tensor]:
    if len(features) == 0:
        raise ValueError(f"kNN has no {name}; at least one row is needed: call {method} before compute")
    return dim_zero_cat(features), dim_zero_cat(labels)
