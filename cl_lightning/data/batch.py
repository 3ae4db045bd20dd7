"""What every loader hands to a training or evaluation step."""

from typing import NamedTuple

from jaxtyping import Int64, UInt8
from torch import Tensor


class Batch(NamedTuple):
    """One process's images of a step.

    `images` is uint8 [batch, channels, height, width], or [batch, 2, channels, size, size] when workers
    cut the crops of both views. `index` says which image of its set each one is (the views' randomness
    depends on it); `labels` is -1 where there are none. Labels are for evaluation, training reads none.
    """

    images: UInt8[Tensor, "batch ..."]
    index: Int64[Tensor, " batch"]  # type: ignore[assignment]  # hides tuple.index
    labels: Int64[Tensor, " batch"]
