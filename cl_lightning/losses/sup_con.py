"""Supervised contrastive learning (arXiv:2004.11362): images with the same label are positives."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from cl_lightning.distributed import gather, rank
from cl_lightning.losses.reach import Reach, reaches
from cl_lightning.losses.streamed import Rows, Rule, Score, among_views, check_pairs, check_positive, rule

NO_LABEL = -1


@rule
def outside_the_logarithm(rows: Rows) -> Score:
    """log(sum over all others j of exp(s_j)) - mean of s_p over the positives p."""
    return Score(rows.sums - rows.positive, -torch.ones_like(rows.positive), totals=rows.sums)


def reach(negatives: int, temperature: float, **_: Any) -> Reach:
    return Reach(math.log1p(negatives), math.log1p(negatives * math.exp(-1 / temperature)))


@reaches(reach)
def sup_con(
    z_a: Float[Tensor, "batch dim"],
    z_b: Float[Tensor, "batch dim"],
    labels: Int64[Tensor, "batch"],
    temperature: float = 0.1,
) -> Float[Tensor, ""]:
    """The loss L_out of arXiv:2004.11362, equation 2.

    l(i) = log(sum over j != i of exp(s(i, j) / T)) - mean over p of s(i, p) / T, where s is the cosine
    similarity, T the temperature, j runs over all other views of the batch, and p over those whose image has
    the label of i's. The loss is the mean of l(i) over all 2N embeddings i. Embeddings need not be
    normalised.

    The label -1 means no label: then the only positive of a view is the other view. Without any labels, or
    if all labels are different, the loss is NT-Xent.

    With several processes and under autocast it works as `nt_xent`; each rank also sends its labels.
    Raises ValueError for a temperature that is not positive, for views that are empty or differ in shape and
    for labels that are not int64 [batch], RuntimeError for a second derivative.
    """
    check_positive(temperature=temperature)
    check_pairs(z_a, z_b, "the views' embeddings")
    if labels.dtype != torch.int64 or labels.shape != z_a.shape[:1]:
        raise ValueError(
            f"labels are {labels.dtype} {list(labels.shape)}; accepted: int64 [{len(z_a)}], one for each "
            f"image, {NO_LABEL} for none: see data.train"
        )
    rule = Rule(outside_the_logarithm.__name__)
    return among_views(z_a, z_b, temperature, rule, labels=_of_all_views(labels))


def _of_all_views(labels: Tensor) -> Tensor:
    """The labels of all ranks' embeddings, in order; an image without a label gets a unique number."""
    number = rank() * len(labels) + torch.arange(len(labels), device=labels.device)
    own = torch.where(labels == NO_LABEL, torch.iinfo(torch.int64).min + number, labels)
    return gather(own.repeat(2))
