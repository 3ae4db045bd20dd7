"""Do old keys of a queue still resemble new ones?"""

import math

from jaxtyping import Float
from torch import Tensor

# Keys that are compared.
LEAST, MOST = 64, 512
# Distances up to about this one count as near: they are those of a collapse.
NEAR = 1e-3


def staleness(keys: Float[Tensor, "length dim"], keys_per_step: int) -> float | None:
    """How much farther the newest keys have it to the oldest than to those just before them.

    The mean of 1 - cosine to the nearest of the oldest keys, divided by that to the nearest of as many keys
    which entered just before the newest. It is about 1 where one encoder could have made all, since other
    images of their kind lie equally near, and grows as the oldest keys come from another encoder. That
    is what a momentum encoder is for (arXiv 1911.05722, section 3.1); the measure is ours.

    Args:
        keys: unit vectors, in the order in which they entered.
        keys_per_step: how many entered with the last optimizer step. The parts are cut between steps,
            because both views of an image may enter in one.

    Returns None for fewer keys than three such parts.
    """
    count = keys_per_step * math.ceil(LEAST / keys_per_step)
    if 3 * count > len(keys):
        return None
    newest, before, oldest = (
        part[:MOST] for part in (keys[-count:], keys[-2 * count : -count], keys[:count])
    )
    to_oldest, to_before = ((1 - newest @ part.T).amin(1).mean() + NEAR for part in (oldest, before))
    return (to_oldest / to_before).item()
