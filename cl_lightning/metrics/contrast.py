"""How hard is the contrastive task still? Scores of a batch, for the log."""

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.metrics import sphere
from cl_lightning.metrics.sphere import on_sphere, similarity_blocks

# Similarities nearer than this differ by rounding only.
ROUNDING = 1e-6


@torch.no_grad()
def contrast_scores(
    anchors: Float[Tensor, "batch dim"],
    positives: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "length dim"] | None = None,
) -> dict[str, Float[Tensor, ""]]:
    """Top-1 and mean cosine similarities of a batch, in float32 and without waiting for the device.

    `contrastive_top1`: the share of anchors whose positive is more similar than every negative. Ties count
    as wrong, so that a collapse does not show 1. `positive_similarity` and `negative_similarity`: the mean
    cosine over all positive pairs and over all pairs of an anchor and a negative (NaN without negatives).

    With `negatives` (MoCo) they are the negatives of every anchor. Without (SimCLR) both views are anchors
    in turn, and the negatives of an anchor are both views of all other images of this process' batch.
    """
    a, b = on_sphere(anchors), on_sphere(positives)
    positive = (a * b).sum(1)
    if negatives is None:
        hardest, negative_similarity = _among_views(torch.cat([a, b]), positive)
        positive = positive.repeat(2)
    else:
        hardest, negative_similarity = _against_queue(a, negatives)
    return {
        "contrastive_top1": (positive > hardest + ROUNDING).float().mean(),
        "positive_similarity": positive.mean(),
        "negative_similarity": negative_similarity,
    }


def _against_queue(a: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    hardest, total = [], torch.zeros_like(a[0])
    # A queue is long: each part is read once, while it lies in the cache.
    for part in negatives.split(max(1, sphere.BLOCK_ELEMENTS // max(a.shape))):
        unit = on_sphere(part)
        hardest += [cosine.amax(0) for _, cosine in similarity_blocks(unit, a)]
        total += unit.sum(0)
    # A mean of dot products is the dot product of the means.
    return torch.stack(hardest).amax(0), (a.mean(0) * total / len(negatives)).sum()


def _among_views(z: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    n = len(positive)
    hardest = []
    for start, cosine in similarity_blocks(z, z):
        itself = torch.arange(start, start + len(cosine), device=z.device)
        both = torch.stack([itself, (itself + n) % (2 * n)], dim=1)
        hardest.append(cosine.scatter_(1, both, -torch.inf).amax(1))
    all_pairs = z.sum(0).square().sum()
    negative_pairs = all_pairs - z.square().sum() - 2 * positive.sum()
    return torch.cat(hardest), negative_pairs / (2 * n * (2 * n - 2) or torch.nan)
