"""SimCLR's loss (arXiv:2002.05709, equation 1 and algorithm 1)."""

import torch
from jaxtyping import Float
from torch import Tensor

from cl_lightning.distributed import gather
from cl_lightning.losses.embeddings import check_temperature, compute_dtype, normalise
from cl_lightning.losses.mutual import mutual_cross_entropy


def nt_xent(
    z_a: Float[Tensor, "batch dim"], z_b: Float[Tensor, "batch dim"], temperature: float = 0.1
) -> Float[Tensor, ""]:
    """Normalised temperature-scaled cross-entropy of two views of a batch.

    l(i, j) = -log(exp(s(i, j) / T) / sum over k != i of exp(s(i, k) / T)), where s is the cosine
    similarity, T the temperature, and i and j are the two views of one image. The loss is the mean of
    l(i, j) over all 2N embeddings i; k runs over the 2N - 1 others. Embeddings need not be normalised.

    Under a process group k runs over the embeddings of all ranks and i over this rank's. The mean over
    ranks of losses and gradients is then what one process would compute from the global batch, whose
    shares must be equally large; the same gradient must arrive from above on all ranks, as it does in DDP.

    Each rank sends its embeddings once, as they are (bfloat16 under autocast: 2 bytes for a number), then
    one float32 for each of them, the log-sum-exp of its logits, and nothing in backward. No less would do:
    the gradient by an embedding is a weighted sum of all others, so each has to reach every rank; and how
    much another rank's anchor weighs it depends on all that anchor's logits, which that rank alone computes.

    Computed in float32 under any autocast (in float64 where an input is), without ever holding the
    2N x 2N similarities. Raises ValueError for a temperature that is not positive and for views that are
    empty or differ in shape, RuntimeError for a second derivative.
    """
    check_temperature(temperature)
    _check_views(z_a, z_b)
    with torch.autocast(z_a.device.type, enabled=False):
        z = torch.cat([z_a, z_b])
        dtype = compute_dtype(z)
        everyone = normalise(gather(z.detach()), dtype)
        return mutual_cross_entropy(normalise(z, dtype), everyone, temperature)


def _check_views(z_a: Tensor, z_b: Tensor) -> None:
    if z_a.shape != z_b.shape or z_a.ndim != 2 or len(z_a) == 0:
        raise ValueError(
            f"the views' embeddings have the shapes {tuple(z_a.shape)} and {tuple(z_b.shape)}; nt_xent "
            "takes two of one shape [batch, dim] with at least one row: see data.batch_size"
        )
