"""MoCo's loss (arXiv:1911.05722, equation 1)."""

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.losses.cross_entropy import cross_entropy
from cl_lightning.losses.embeddings import check_temperature, compute_dtype, normalise


def info_nce(
    queries: Float[Tensor, "batch dim"],
    keys: Float[Tensor, "batch dim"],
    negatives: Float[Tensor, "length dim"],
    temperature: float = 0.2,
) -> Float[Tensor, ""]:
    """Cross-entropy of each query's own key against a queue of negatives.

    l(i) = -log(exp(q_i k_i / T) / (exp(q_i k_i / T) + sum over j of exp(q_i n_j / T))), where q, k and n
    are the normalised queries, keys and negatives and T is the temperature. The loss is the mean of l(i)
    over the queries. Inputs need not be normalised. The other keys of the batch are no negatives.

    Gradients reach whatever requires them; in MoCo only the queries do. Computed in float32 under any
    autocast (in float64 where an input is), without ever holding all similarities. Raises ValueError for
    a temperature that is not positive, for shapes that do not fit and for no negatives at all.

    Differs from the paper: the temperature's default is MoCo v2's (arXiv:2003.04297), 0.2 in place of 0.07.
    """
    check_temperature(temperature)
    _check_shapes(queries, keys, negatives)
    with torch.autocast(queries.device.type, enabled=False):
        dtype = compute_dtype(queries, keys, negatives)
        own_key = torch.arange(len(keys), device=keys.device)
        # The keys of the batch are candidates for their own query only.
        excluded = own_key.expand(len(keys), -1)
        candidates = normalise(torch.cat([keys, negatives]), dtype)
        return cross_entropy(normalise(queries, dtype), candidates, own_key, excluded, temperature)


def _check_shapes(queries: Tensor, keys: Tensor, negatives: Tensor) -> None:
    if queries.shape != keys.shape or queries.ndim != 2 or len(queries) == 0:
        raise ValueError(
            f"queries and keys have the shapes {tuple(queries.shape)} and {tuple(keys.shape)}; info_nce "
            "takes two of one shape [batch, dim] with at least one row: see data.batch_size"
        )
    if negatives.ndim != 2 or len(negatives) == 0 or negatives.shape[1] != queries.shape[1]:
        raise ValueError(
            f"the negatives have the shape {tuple(negatives.shape)}; info_nce takes [length, "
            f"{queries.shape[1]}] with at least one row: see callbacks.negative_queue.length"
        )
