"""Nearest rows by similarity, and their weighted vote (Wu et al., arXiv:1805.01978, section 3.4)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def nearest(
    cosine: Float[Tensor, "rows columns"], k: int
) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
    """The k highest similarities of each row and their columns; of ties the first columns."""
    if k == cosine.shape[1]:
        return cosine, torch.arange(k, device=cosine.device).expand(len(cosine), k)
    highest, columns = cosine.topk(k + 1)
    tied = highest[:, k - 1] == highest[:, k]
    highest, columns = highest[:, :k], columns[:, :k]
    if tied.any():
        # Of columns that tie with the last neighbour, topk takes any. Choose again in these rows.
        rows, last = cosine[tied], highest[tied][:, -1:]
        above, equal = rows > last, rows == last
        chosen = above | (equal & (equal.cumsum(1) <= k - above.sum(1, keepdim=True)))
        columns[tied] = chosen.nonzero()[:, 1].view(-1, k)
        highest[tied] = rows[chosen].view(-1, k)
    return highest, columns


def vote(
    similarity: Float[Tensor, "rows k"], labels: Int[Tensor, "rows k"], classes: int, temperature: float
) -> Int[Tensor, " rows"]:
    """The class with the most votes, each of weight exp(similarity / temperature); of ties the smallest.

    Args:
        labels: the classes of the neighbours, from 0 to `classes` - 1.
    """
    # Relative to the nearest, so that small temperatures do not overflow.
    weights = ((similarity - similarity.amax(1, keepdim=True)) / temperature).exp()
    votes = weights.new_zeros(len(similarity), classes)
    return votes.scatter_add_(1, labels, weights).argmax(1)
