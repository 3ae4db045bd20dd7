"""CIFAR-10 and CIFAR-100."""

from pathlib import Path

import torch
from torchvision.datasets import CIFAR10, CIFAR100

from cl_lightning.data.sets.download import Archive, require_files
from cl_lightning.data.sets.tensor_images import TensorImages, check_limit
from cl_lightning.data.split import is_train


def cifar10(
    root: str | Path, split: str = "train", limit: int | None = None, download: bool = False
) -> TensorImages:
    """The 50,000 training images of CIFAR-10, or its 10,000 test images (`val`): 3 x 32 x 32, 10 classes.

    `root` holds `cifar-10-batches-py`; `download` fetches it when missing; `limit` keeps the first images.
    Raises ValueError when files are missing or damaged, and for a split or limit that does not exist.
    """
    return _load(CIFAR10, "CIFAR-10", Path(root).expanduser(), split, limit, download)


def cifar100(
    root: str | Path, split: str = "train", limit: int | None = None, download: bool = False
) -> TensorImages:
    """The 50,000 training images of CIFAR-100, or its 10,000 test images (`val`): 3 x 32 x 32, 100 classes.

    `root` holds `cifar-100-python`; everything else is as in `cifar10`.
    """
    return _load(CIFAR100, "CIFAR-100", Path(root).expanduser(), split, limit, download)


def _load(
    kind: type[CIFAR10], name: str, root: Path, split: str, limit: int | None, download: bool
) -> TensorImages:
    train = is_train(split)
    archive = Archive(name, kind.url, kind.filename, kind.tgz_md5, kind.base_folder)
    files = [(file, md5) for file, md5 in [*kind.train_list, *kind.test_list]]
    require_files(archive, root, [*files, (kind.meta["filename"], kind.meta["md5"])], download)
    data = kind(root, train=train)
    check_limit(limit, len(data), f"{name} {split}")
    images = torch.from_numpy(data.data[:limit]).permute(0, 3, 1, 2).contiguous()
    labels, about = torch.tensor(data.targets[:limit]), f"{kind.__name__.lower()} {split}"
    return TensorImages(images, labels, about, data.classes)
