"""What predicting gives for a batch."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from cl_lightning.data.batch import Batch
from cl_lightning.pairs import clean


class Embedded(NamedTuple):
    """Vectors of the images of a batch, on the CPU.

    `index` is the number of each image in its data set, `labels` is -1 for an image without a label.
    """

    index: Int64[Tensor, " batch"]  # type: ignore[assignment]  # hides tuple.index
    labels: Int64[Tensor, " batch"]
    vectors: Float[Tensor, "batch *dims"]


def embedded(batch: Batch, views: Any, network: nn.Module) -> Embedded:
    """`network` of the unaugmented images of a batch, in at least float32."""
    dtype = next((p.dtype for p in network.parameters()), torch.float32)
    with torch.autocast(batch.images.device.type, enabled=False):  # as the views in a training step
        images = clean(views, batch.images).to(dtype)
    vectors = network(images)
    wide = torch.promote_types(vectors.dtype, torch.float32)
    return Embedded(batch.index.cpu(), batch.labels.cpu(), vectors.to(wide).cpu())
