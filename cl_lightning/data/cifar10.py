"""CIFAR-10."""

from pathlib import Path

import torch
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from cl_lightning.data.split import is_train
from cl_lightning.data.tensor_images import TensorImages


def cifar10(
    root: str | Path, split: str = "train", limit: int | None = None, download: bool = False
) -> TensorImages:
    """The 50,000 training images of CIFAR-10, or its 10,000 test images (`val`): 3 x 32 x 32, 10 classes.

    `root` holds `cifar-10-batches-py`; `download` fetches it when missing; `limit` keeps the first images.
    Raises ValueError when files are missing or damaged, and for a split or limit that does not exist.
    """
    train, root = is_train(split), Path(root).expanduser()
    if not download:
        require_files(root)
    data = CIFAR10(root, train=train, download=download)
    if limit is not None and not 1 <= limit <= len(data):
        raise ValueError(
            f"limit={limit}; accepted is 1 to {len(data):,} images of CIFAR-10 {split}, or null for all "
            f"(data.{split}.limit)."
        )
    images = torch.from_numpy(data.data[:limit]).permute(0, 3, 1, 2).contiguous()
    return TensorImages(images, torch.tensor(data.targets[:limit]), f"cifar10 {split}")


def require_files(root: Path) -> None:
    """ValueError naming the files of CIFAR-10 that are missing or damaged below `root`."""
    folder = root / CIFAR10.base_folder
    files = [*CIFAR10.train_list, *CIFAR10.test_list, [CIFAR10.meta["filename"], CIFAR10.meta["md5"]]]
    missing = [name for name, _ in files if not (folder / name).exists()]
    damaged = [name for name, md5 in files if name not in missing and not check_integrity(folder / name, md5)]
    if missing or damaged:
        problems = {"missing": missing, "damaged": damaged}
        found = [f"{problem} {', '.join(names)}" for problem, names in problems.items() if names]
        raise ValueError(
            f"CIFAR-10 in {folder}: {'; '.join(found)}. Accepted is a folder that holds the complete "
            f"{CIFAR10.base_folder}: set data.root to it, or data.download=true to fetch it."
        )
