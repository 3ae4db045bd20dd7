"""The 1,797 handwritten digits inside scikit-learn."""

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.split import split_indices

TRAIN_IMAGES = 1437


def all_digits() -> tuple[UInt8[Tensor, "digits 1 8 8"], Int64[Tensor, " digits"]]:
    """All digits in scikit-learn's order, with labels 0..9. Their 17 levels 0..16 are scaled to 0..255."""
    from sklearn.datasets import load_digits  # half a second, which only these images need

    bunch = load_digits()
    levels = torch.from_numpy(bunch.images).unsqueeze(1)
    return (levels * (255 / 16)).round().to(torch.uint8), torch.from_numpy(bunch.target).long()


def digits(split: str = "train", seed: int = 0) -> TensorImages:
    """Real handwritten digits, 8 x 8, one channel: 1,437 for training and 360 for validation.

    The split is a permutation of `seed`. Raw pixels already separate the classes, unlike `scattered_digits`.
    Raises ValueError for another split.
    """
    images, labels = all_digits()
    part = split_indices(split, len(images), TRAIN_IMAGES, seed)
    return TensorImages(images[part], labels[part], f"digits {split}")
