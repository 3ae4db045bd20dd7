"""Retrieval: whether the images that are most alike show the same class."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cl_lightning.evaluation.features import Features
from cl_lightning.metrics.sphere import on_sphere, similarity_blocks


@dataclass(frozen=True)
class RetrievalResult:
    """Recall at each k and mean average precision, of so many queries; `alone` are those left out."""

    recall: dict[int, float]
    mean_average_precision: float
    queries: int
    alone: int


def retrieval(images: Features, ks: Sequence[int]) -> RetrievalResult:
    """Each image is a query, and all others are ranked by their cosine similarity to it.

    Recall at k is the share of queries with an image of their class among the first k (arXiv 1511.06452).
    Average precision is the mean, over all images of the query's class, of the share of that class among all
    images down to it. Of equally similar images the first of the data comes first. Images that are the only
    one of their class are no queries, but are ranked. Computed in blocks of queries.

    Raises:
        ValueError: no class has two images.
    """
    hits: dict[int, list[Tensor]] = {k: [] for k in ks}
    precisions = []
    z, labels = on_sphere(images.features), images.labels
    numbers = torch.arange(len(z))
    for start, similarity in similarity_blocks(z, z):
        rows = numbers[start : start + len(similarity)]
        similarity[numbers[: len(rows)], rows] = -torch.inf  # the query itself comes last, and is cut off
        order = similarity.sort(dim=1, descending=True, stable=True).indices[:, :-1]
        right = labels[order] == labels[rows, None]
        right = right[right.any(1)]
        for k, found in hits.items():
            found.append(right[:, :k].any(1))
        share = right.cumsum(1, dtype=torch.float64) / torch.arange(1, len(z))
        precisions.append((share * right).sum(1) / right.sum(1))
    precision = torch.cat(precisions)
    if len(precision) == 0:
        raise ValueError("no class has two validation images; accepted: --protocol without retrieval")
    recall = {k: torch.cat(found).double().mean().item() for k, found in hits.items()}
    return RetrievalResult(recall, precision.mean().item(), len(precision), len(z) - len(precision))
