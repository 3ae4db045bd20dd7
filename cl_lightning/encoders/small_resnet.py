"""A small residual network for CPUs and images of about 32 pixels."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


def conv_bn(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """Convolution without bias, with padding that keeps the size (divided by the stride), and BatchNorm."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut (arXiv 1512.03385), a 1x1 convolution if the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, 3, stride)
        self.second = conv_bn(outputs, outputs, 3, 1)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_bn(inputs, outputs, 1, stride)

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        y = F.relu(self.first(x), inplace=True)
        return F.relu(self.second(y) + self.shortcut(x), inplace=True)


class SmallResNet(nn.Module):
    """A 3x3 stem, one residual block for each width, average pooling: [batch, widths[-1]].

    `strides` has one entry for each block. Images: [batch, channels, height, width].
    Raises ValueError if widths and strides differ in length.
    """

    def __init__(
        self,
        widths: Sequence[int] = (24, 48, 96),
        strides: Sequence[int] = (2, 2, 1),
        stem_width: int = 24,
        channels: int = 3,
    ) -> None:
        super().__init__()
        if len(widths) != len(strides) or not widths:
            raise ValueError(
                f"{len(widths)} widths and {len(strides)} strides: give encoder.backbone.widths and "
                "encoder.backbone.strides one entry for each block."
            )
        self.widths, self.strides, self.stem_width, self.channels = widths, strides, stem_width, channels
        self.features = widths[-1]
        self.stem = nn.Sequential(conv_bn(channels, stem_width, 3, 1), nn.ReLU(inplace=True))
        inputs = [stem_width, *widths[:-1]]
        self.blocks = nn.Sequential(*map(Block, inputs, widths, strides))

    def forward(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features"]:
        return self.feature_map(images).mean((2, 3))

    def feature_map(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features _ _"]:
        """What is pooled."""
        return self.blocks(self.stem(images))
