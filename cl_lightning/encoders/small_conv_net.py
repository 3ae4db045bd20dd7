"""A small plain convolutional network for CPUs and handwritten digits."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from cl_lightning.encoders.small_resnet import conv_bn


class SmallConvNet(nn.Module):
    """3x3 convolutions, each with BatchNorm and ReLU, then average pooling: [batch, widths[-1]].

    `strides` has one entry for each convolution. Images: [batch, channels, height, width].
    Raises ValueError if widths and strides differ in length.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 32, 64, 64, 128, 128),
        strides: Sequence[int] = (2, 1, 2, 1, 1, 1),
        channels: int = 1,
    ) -> None:
        super().__init__()
        if len(widths) != len(strides) or not widths:
            raise ValueError(
                f"{len(widths)} widths and {len(strides)} strides: give encoder.backbone.widths and "
                "encoder.backbone.strides one entry for each convolution."
            )
        self.widths, self.strides, self.channels = widths, strides, channels
        self.features = widths[-1]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in zip([channels, *widths[:-1]], widths, strides, strict=True):
            layers += [conv_bn(inputs, outputs, 3, stride), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features"]:
        return self.feature_map(images).mean((2, 3))

    def feature_map(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features _ _"]:
        """What is pooled."""
        return self.layers(images)
