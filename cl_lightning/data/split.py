"""The two splits of a data set: `train` and `val`."""

import torch
from jaxtyping import Int64
from torch import Tensor


def is_train(split: str) -> bool:
    """True for "train", False for "val"; ValueError for anything else."""
    if split not in ("train", "val"):
        raise ValueError(f"split={split!r}; accepted: 'train' or 'val' (data.train.split, data.val.split).")
    return split == "train"


def split_indices(split: str, images: int, train_images: int, seed: int) -> Int64[Tensor, " part"]:
    """Numbers of the images in `split`: the first `train_images` of a permutation of `seed`, or the rest."""
    permutation = torch.randperm(images, generator=torch.Generator().manual_seed(seed))
    return permutation[:train_images] if is_train(split) else permutation[train_images:]
