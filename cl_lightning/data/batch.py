"""The batch that every loader passes to a training or evaluation step."""

from typing import NamedTuple

from jaxtyping import Int64, UInt8
from torch import Tensor


class Batch(NamedTuple):
    """The images that one process handles in one step.

    `images` is uint8 [batch, channels, height, width], or [batch, 2, channels, size, size] when workers
    cut the crops of both views. `index` is the number of each image in its data set; the random numbers of
    its views depend on it. `labels` is -1 for an image without a label. Labels are for evaluation, and for
    losses that take them.
    """

    images: UInt8[Tensor, "batch ..."]
    index: Int64[Tensor, " batch"]  # type: ignore[assignment]  # hides tuple.index
    labels: Int64[Tensor, " batch"]
