"""Contrast scores of a batch: how hard the contrastive task still is."""

from typing import TypedDict

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.metrics import sphere
from cl_lightning.metrics.sphere import on_sphere, similarity_blocks

# Similarities that differ by less differ only by rounding.
ROUNDING = 1e-6


class Scores(TypedDict):
    """Scores of a batch, each a scalar; or of the batches of several steps, each [steps]."""

    contrastive_top1: Tensor
    positive_similarity: Tensor
    negative_similarity: Tensor


@torch.no_grad()
def contrast_scores(
    anchors: Float[Tensor, "*steps batch dim"],
    positives: Float[Tensor, "*steps batch dim"],
    negatives: Float[Tensor, "length dim"] | None = None,
    own: slice = slice(None),
) -> Scores:
    """Top-1 and mean cosine similarities of a batch, in float32 and without waiting for the device.

    `contrastive_top1`: the share of anchors whose positive is more similar than every negative. Ties count
    as wrong, so that a collapse does not give 1. `positive_similarity` and `negative_similarity`: the mean
    cosine over all positive pairs and over all pairs of an anchor and a negative (NaN without negatives).

    `negatives` (MoCo) are the negatives of every anchor. Without them (SimCLR) both views are anchors in
    turn, and the negatives of an anchor are both views of all other images. Each process then passes the
    rows of the global batch; `own` selects the rows that are its anchors. The batches of several steps are
    scored apart, by the operations of one.
    """
    a, b = on_sphere(anchors), on_sphere(positives)
    positive = (a * b).sum(-1)
    if negatives is None:
        positive = torch.cat([positive[..., own]] * 2, dim=-1)
        hardest, negative_similarity = _among_views(a, b, positive, own)
    else:
        hardest, negative_similarity = _against_queue(a, negatives)
    return {
        "contrastive_top1": (positive > hardest + ROUNDING).mean(-1, dtype=torch.float32),
        "positive_similarity": positive.mean(-1),
        "negative_similarity": negative_similarity,
    }


def _against_queue(a: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    hardest, total = [], torch.zeros_like(a[0])
    # The queue is long, so each block is read only once, while it is in the cache.
    for part in negatives.split(max(1, sphere.BLOCK_ELEMENTS // max(a.shape))):
        unit = on_sphere(part)
        hardest += [cosine.amax(0) for _, cosine in similarity_blocks(unit, a)]
        total += unit.sum(0)
    # The mean of dot products is the dot product of the means.
    return torch.stack(hardest).amax(0), (a.mean(0) * total / len(negatives)).sum()


def _among_views(a: Tensor, b: Tensor, positive: Tensor, own: slice) -> tuple[Tensor, Tensor]:
    """The hardest negative of each anchor, and the mean similarity of negatives.

    `a` and `b` are the views of all images [*steps, images, dim]. The anchors are those of the images `own`,
    and `positive` [*steps, anchors] holds their positive similarities.
    """
    views, anchors = torch.cat([a, b], dim=-2), torch.cat([a[..., own, :], b[..., own, :]], dim=-2)
    places = torch.arange(views.shape[-2], device=a.device).view(2, -1)
    hidden = torch.stack([places, places.flip(0)], dim=2)[:, own].flatten(0, 1)  # itself and its partner
    hardest = [
        cosine.scatter_(
            -1, hidden[start : start + cosine.shape[-2]].expand(*cosine.shape[:-1], 2), -torch.inf
        ).amax(-1)
        for start, cosine in similarity_blocks(anchors, views)
    ]
    all_pairs = (anchors.sum(-2) * views.sum(-2)).sum(-1)
    negative_pairs = all_pairs - anchors.square().sum((-2, -1)) - positive.sum(-1)
    pairs = anchors.shape[-2] * (views.shape[-2] - 2)
    return torch.cat(hardest, dim=-1), negative_pairs / (pairs or torch.nan)
