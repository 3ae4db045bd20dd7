"""The trained network of a run up to a layer, and what makes its input."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from cl_lightning.checkpoints import Checkpoint, load_layer, load_views
from cl_lightning.data import Batch, image_and_label
from cl_lightning.data.channels import channels_of
from cl_lightning.data.embedded import embedded
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.transforms import middle


class Source(NamedTuple):
    """`network` gives the vectors of images that `views.clean` has made its input."""

    checkpoint: Checkpoint
    encoder: str
    layer: str
    network: nn.Module
    views: Any

    @classmethod
    def of(cls, run: Path, encoder: str, layer: str) -> "Source":
        """The `query` or `key` encoder of a run folder or a checkpoint file; layers as in `load_layer`.

        Raises:
            ConfigError: there is no such run, encoder or layer, or nothing allows the user's own code in it.
        """
        checkpoint = Checkpoint(run)
        network = load_layer(checkpoint.file, layer, encoder)
        return cls(checkpoint, encoder, layer, network, load_views(checkpoint.file))

    def shape(self, images: MapStyle) -> tuple[int, ...]:
        """The shape of the vector of an image; `images` are those to embed."""
        channels, size = channels_of(self.views), getattr(self.views, "size", None)
        if channels is None or size is None:
            example = image_and_label(images[0])[0]
        else:
            example = torch.zeros(channels, size, size, dtype=torch.uint8)
        return tuple(self.computed([example]).shape[1:])

    def vectors(self, images: list[UInt8[Tensor, "channels height width"]]) -> Float32[Tensor, "images dim"]:
        """The vectors of some images, as rows."""
        return self.computed(images).flatten(1).float()

    @torch.no_grad()
    def computed(self, images: list[UInt8[Tensor, "channels height width"]]) -> Tensor:
        """What the layer gives for some images, each by itself."""
        network = self.network.cpu().eval()
        index = torch.zeros(1, dtype=torch.int64)
        batches = [Batch(self.seen(image)[None], index, index) for image in images]
        return torch.cat([embedded(batch, self.views, network).vectors for batch in batches])

    def seen(self, image: UInt8[Tensor, "_ _ _"]) -> UInt8[Tensor, "channels height width"]:
        """The part of an image that the network sees."""
        cut = middle(self.views)
        return image if cut is None else cut(image, 0, 0)
