"""Staleness: whether the old keys of a queue still resemble the new keys."""

import math

from jaxtyping import Float
from torch import Tensor

# The smallest and largest number of keys to compare.
LEAST, MOST = 64, 512
# Is added to distances, so that tiny distances, as in a collapse, have no effect.
NEAR = 1e-3


def staleness(keys: Float[Tensor, "length dim"], keys_per_step: int) -> float | None:
    """How much farther the newest keys are from the oldest keys than from the keys just before them.

    This is the mean of 1 - cosine to the nearest of the oldest keys, divided by the same for as many keys
    that entered just before the newest. It is about 1 if one encoder could have made all keys, because
    similar images are then equally near. It grows if the oldest keys come from a different encoder, which a
    momentum encoder should prevent (arXiv 1911.05722, section 3.1). The measure is ours.

    Args:
        keys: unit vectors, in the order in which they entered.
        keys_per_step: how many keys entered in the last optimizer step. The three groups of keys are cut
            between steps, because both views of an image may enter in one step.

    Returns None if there are not enough keys for three groups.
    """
    count = keys_per_step * math.ceil(LEAST / keys_per_step)
    if 3 * count > len(keys):
        return None
    newest, before, oldest = (
        part[:MOST] for part in (keys[-count:], keys[-2 * count : -count], keys[:count])
    )
    to_oldest, to_before = ((1 - newest @ part.T).amin(1).mean() + NEAR for part in (oldest, before))
    return (to_oldest / to_before).item()
