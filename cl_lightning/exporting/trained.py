"""The trained encoder of a run, as the formats need it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint, load_backbone

EXAMPLES = 2  # images that compare an export with the network
SMALLEST = 32  # pixels of their sides if the size of the run's images is not known


class Loaded(NamedTuple):
    """What an export computes after it was loaded back, and the largest difference of a weight, if any."""

    features: Tensor  # of `Trained.images`
    weights: float | None


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode, and the images that it takes: (pixels / 255 - mean) / std."""

    network: nn.Module
    encoder: str
    channels: int
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    checkpoint: Checkpoint

    @classmethod
    def of(cls, path: Path, encoder: str) -> "Trained":
        """The `query` or `key` encoder of a run folder or a checkpoint file.

        Raises:
            ConfigError: as `load_backbone`; or the images of the run have no known mean and std.
        """
        network = load_backbone(path, encoder)
        checkpoint = Checkpoint(path)
        mean, std, size = (checkpoint.description["input"].get(name) for name in ("mean", "std", "size"))
        if not isinstance(mean, list) or not isinstance(std, list):
            raise ConfigError(
                f"{path} was trained with views of your own, whose mean and std are not known; accepted: a "
                "run whose views have `mean`, `std` and `size`"
            )
        return cls(network, encoder, len(mean), size, tuple(mean), tuple(std), checkpoint)

    @property
    def about(self) -> dict[str, Any]:
        """The description in the checkpoint."""
        return self.checkpoint.description

    @property
    def features(self) -> int:
        """The number of features of an image."""
        return int(self.reference(self.images()).shape[1])

    def images(self) -> Tensor:
        """Images like those of the run, uint8 [EXAMPLES, channels, size, size], always the same."""
        side = self.size or SMALLEST
        generator = torch.Generator().manual_seed(0)
        return torch.randint(
            256, (EXAMPLES, self.channels, side, side), dtype=torch.uint8, generator=generator
        )

    def normalised(self, images: Tensor) -> Tensor:
        """The network's input for uint8 images."""
        return self.normalise(images.to(self.dtype) / 255)

    def normalise(self, images: Tensor) -> Tensor:
        """The network's input for images in [0, 1]."""
        mean, std = (images.new_tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.network.parameters()), torch.float32)

    @torch.no_grad()
    def reference(self, images: Tensor) -> Tensor:
        """The features of uint8 images."""
        return self.network(self.normalised(images))
