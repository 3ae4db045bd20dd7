"""torchvision's residual networks as backbones, for photos or for small images."""

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import resnet

ARCHITECTURES: dict[int, tuple[type[resnet.BasicBlock | resnet.Bottleneck], list[int]]] = {
    18: (resnet.BasicBlock, [2, 2, 2, 2]),
    34: (resnet.BasicBlock, [3, 4, 6, 3]),
    50: (resnet.Bottleneck, [3, 4, 6, 3]),
    101: (resnet.Bottleneck, [3, 4, 23, 3]),
    152: (resnet.Bottleneck, [3, 8, 36, 3]),
}


class ResNet(resnet.ResNet):
    """torchvision's ResNet (arXiv 1512.03385) without its classifier: [batch, features] after pooling.

    `depth` is 18, 34, 50, 101 or 152; `features` is 512 (18, 34) or 2048. `stem="cifar"` has a 3x3
    convolution of stride 1 and no max-pool, for images of about 32 pixels (SimCLR, arXiv 2002.05709,
    appendix B.9). With the "imagenet" stem the state dict has the keys of torchvision's model without
    `fc.*`. Images: [batch, channels, height, width].

    Differs from the paper: SimCLR's code initialises the weight of each block's last BatchNorm with 0; here,
    as in torchvision and MoCo's code, it is 1.

    Raises ValueError for an unknown depth or stem.
    """

    def __init__(self, depth: int = 50, stem: str = "imagenet", channels: int = 3) -> None:
        if depth not in ARCHITECTURES:
            raise ValueError(
                f"no ResNet of depth {depth}: set encoder.backbone.depth to one of {list(ARCHITECTURES)}."
            )
        if stem not in ("imagenet", "cifar"):
            raise ValueError(f"unknown stem {stem!r}: set encoder.backbone.stem to imagenet or cifar.")
        block, layers = ARCHITECTURES[depth]
        super().__init__(block, layers)
        self.depth, self.stem, self.channels = depth, stem, channels
        self.features = 512 * block.expansion
        self.fc = nn.Identity()
        if stem == "cifar":
            self.conv1 = _first_convolution(channels, 3, stride=1)
            self.maxpool = nn.Identity()
        elif channels != 3:
            self.conv1 = _first_convolution(channels, 7, stride=2)

    def feature_map(self, images: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch features _ _"]:
        """What is pooled."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    @property
    def published(self) -> str | None:
        """ImageNet weights of this network, in the words of `init.weights`; None with the "cifar" stem."""
        return f"torchvision:resnet{self.depth}" if self.stem == "imagenet" else None


def _first_convolution(channels: int, kernel: int, stride: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels, 64, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
