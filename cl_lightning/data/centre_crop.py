"""What evaluation sees of a photo."""

from jaxtyping import UInt8
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop, resize


def centre_crop(
    image: UInt8[Tensor, "channels height width"], index: int, epoch: int, *, size: int
) -> UInt8[Tensor, "channels size size"]:
    """The middle `size` x `size` of the image after its short side is resized to `size` (antialiased).

    The same for every index and epoch.
    """
    if image.shape[-2:] == (size, size):
        return image
    return center_crop(resize(image, [size], antialias=True), [size, size])
