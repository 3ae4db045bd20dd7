"""Weighted kNN on frozen features, exact and in blocks: several k and temperatures from one search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cl_lightning.evaluation.features import Features
from cl_lightning.evaluation.phrases import measured_on
from cl_lightning.metrics.neighbours import nearest, vote
from cl_lightning.metrics.sphere import BLOCK_ELEMENTS, on_sphere

BANK_ROWS = 2**14  # of the bank, so many rows are compared at a time


@dataclass(frozen=True)
class KNNResult:
    """Accuracy, its protocol as a list of phrases, and the class that each image of `val` was taken for."""

    accuracy: float
    protocol: tuple[str, ...]
    predicted: Int[Tensor, " images"]


def knn_accuracy(train: Features, val: Features, k: int = 200, temperature: float = 0.1) -> KNNResult:
    """The share of `val` that gets its right class from the vote of its k nearest `train` features.

    The vote is weighted as in arXiv 1805.01978. If `train` has fewer than `k` images, all of them vote.
    """
    return knn_accuracies(train, val, [k], [temperature])[k, temperature]


def knn_accuracies(
    train: Features, val: Features, ks: Sequence[int], temperatures: Sequence[float]
) -> dict[tuple[int, float], KNNResult]:
    """`knn_accuracy` for each k and temperature, from one search for the most neighbours.

    In memory are the neighbours of a block of queries, and their similarities to a block of `train`.
    """
    classes, labels = train.labels.unique(return_inverse=True)
    available = {k: min(k, len(labels)) for k in ks}
    predicted: dict[tuple[int, float], list[Tensor]] = {(k, t): [] for k in ks for t in temperatures}
    for similarity, neighbours in _searched(train.features, val.features, max(available.values())):
        for (k, temperature), parts in predicted.items():
            few = available[k]
            parts.append(vote(similarity[:, :few], labels[neighbours[:, :few]], len(classes), temperature))
    results = {}
    for (k, temperature), parts in predicted.items():
        found = classes[torch.cat(parts)]
        accuracy = (found == val.labels).float().mean().item()
        weights = (
            f"exp(s / {temperature:g})" if len(temperatures) == 1 else f"exp(s / T) with T = {temperature:g}"
        )
        protocol = (
            f"vote of the {available[k]} nearest of {len(labels):,} clean training images by cosine "
            "similarity s",
            f"weights {weights}",
            measured_on(val.labels, train.labels),
        )
        results[k, temperature] = KNNResult(accuracy, protocol, found)
    return results


def _searched(
    bank: Float[Tensor, "images dim"], queries: Float[Tensor, "queries dim"], k: int
) -> Iterator[tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]]:
    """For each block of queries, their k nearest of the bank: similarities and rows, nearest first.

    Of equally similar rows the first in the bank comes first.
    """
    bank, queries = on_sphere(bank), on_sphere(queries)
    for block in queries.split(max(1, BLOCK_ELEMENTS // min(len(bank), BANK_ROWS))):
        # In the order of the bank, so that `nearest` knows the first of equally similar rows.
        similarity = block.new_empty(len(block), 0)
        rows = torch.empty(len(block), 0, dtype=torch.int64)
        for start in range(0, len(bank), BANK_ROWS):
            part = bank[start : start + BANK_ROWS]
            numbers = torch.arange(start, start + len(part)).expand(len(block), -1)
            similarity = torch.cat([similarity, block @ part.T], 1)
            rows = torch.cat([rows, numbers], 1)
            similarity, columns = nearest(similarity, min(k, similarity.shape[1]))
            columns, order = columns.sort(1)
            similarity, rows = similarity.gather(1, order), rows.gather(1, columns)
        similarity, order = similarity.sort(dim=1, descending=True, stable=True)
        yield similarity, rows.gather(1, order)
