"""How a classifier is trained for an evaluation."""

import math
from dataclasses import dataclass, replace

from cl_lightning.evaluation.phrases import counted
from cl_lightning.optim import WarmupCosine

LARGEST = 256  # images of a batch
BATCHES = 8  # of an epoch at least, where this leaves LEAST images in each
LEAST = 16


@dataclass(frozen=True)
class Recipe:
    """SGD with Nesterov momentum and without weight decay, for a fixed number of epochs.

    The learning rate is `lr` x sqrt(batch / 256) and falls by half a cosine with every step. A set with less
    than 2,048 images has smaller batches, and is seen more often, until `steps` are made.

    Args:
        source: where the recipe is from.
    """

    lr: float
    epochs: int
    steps: int
    source: str
    momentum: float = 0.9

    def lasting(self, epochs: int | None) -> "Recipe":
        """The recipe with exactly so many epochs; None: itself."""
        return self if epochs is None else replace(self, epochs=epochs, steps=0)

    def batch_size(self, images: int) -> int:
        """Images of a batch for so many to train on: a power of 2, which 2, 4 or 8 processes can share."""
        wanted = min(LARGEST, max(LEAST, images // BATCHES), images)
        return 2 ** int(math.log2(wanted))

    def epochs_for(self, images: int) -> int:
        """How often so many images are seen."""
        return max(self.epochs, math.ceil(self.steps / (images // self.batch_size(images))))

    @property
    def schedule(self) -> WarmupCosine:
        """Without warm-up; the root of the batch as in arXiv 2002.05709, B.1."""
        return WarmupCosine(warmup_epochs=0, lr_scaling="sqrt")

    def phrases(self, images: int, precision: str) -> tuple[str, ...]:
        """The recipe for so many images, for a protocol; of a precision only what is not float32."""
        batch, epochs = self.batch_size(images), self.epochs_for(images)
        rate = self.lr * self.schedule.scale(batch)
        mixed = "" if precision == "32-true" else f", {precision}"
        return (
            f"{self.source}: SGD with Nesterov momentum {self.momentum:g}, no weight decay",
            f"learning rate {rate:.3g} falling by half a cosine",
            f"{counted(epochs, 'epoch')} in batches of {batch}{mixed}",
        )


PROBE = Recipe(lr=0.1, epochs=90, steps=1000, source="as SimCLR (arXiv 2002.05709, B.6)")
FINE_TUNING = Recipe(lr=0.05, epochs=30, steps=1000, source="as SimCLR (arXiv 2002.05709, B.5)")
