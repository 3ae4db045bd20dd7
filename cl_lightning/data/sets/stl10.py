"""STL-10."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torchvision.datasets import STL10

from cl_lightning.data.sets.download import Archive, require_files
from cl_lightning.data.sets.tensor_images import TensorImages, check_limit

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
UNLABELLED = "unlabeled_X.bin"
# For each split: files of images with their files of labels.
SPLITS: dict[str, list[tuple[str, str | None]]] = {
    "unlabeled": [(UNLABELLED, None)],
    "train": [("train_X.bin", "train_y.bin")],
    "train+unlabeled": [("train_X.bin", "train_y.bin"), (UNLABELLED, None)],
    "test": [("test_X.bin", "test_y.bin")],
}


def stl10(
    root: str | Path, split: str = "unlabeled", limit: int | None = None, download: bool = False
) -> TensorImages:
    """A split of STL-10, under the names that STL-10 uses, 3 x 96 x 96, 10 classes.

    `unlabeled` has 100,000 images (2.8 GB) without labels; `train` has 5,000 and `test` 8,000 with labels;
    `train+unlabeled` is both together. `root` holds `stl10_binary`; `download` fetches it when missing;
    `limit` keeps the first images. Raises ValueError when the split's files are missing or damaged, and for a
    split or limit that does not exist.
    """
    if split not in SPLITS:
        raise ValueError(
            f"split={split!r}; accepted: {', '.join(SPLITS)} (data.train.split, data.val.split)."
        )
    root = Path(root).expanduser()
    archive = Archive("STL-10", STL10.url, STL10.filename, STL10.tgz_md5, STL10.base_folder)
    sums = dict([*STL10.train_list, *STL10.test_list])
    files = [file for pair in SPLITS[split] for file in pair if file is not None]
    folder = require_files(archive, root, [(file, sums[file]) for file in files], download)
    parts = [_read_images(folder / images) for images, _ in SPLITS[split]]
    check_limit(limit, sum(map(len, parts)), f"STL-10 {split}")
    # Cut before the images are joined, so that nothing beyond the limit is read.
    images = torch.cat([part[:limit] for part in parts])[:limit].contiguous()
    labels = [
        torch.full((len(part),), -1) if file is None else _read_labels(folder / file)
        for part, (_, file) in zip(parts, SPLITS[split], strict=True)
    ]
    return TensorImages(images, torch.cat(labels)[:limit], f"stl10 {split}", CLASSES)


def _read_images(file: Path) -> UInt8[Tensor, "images 3 96 96"]:
    """The images of a binary file, which stores them column by column. Pixels are read when they are used."""
    pixels = torch.from_numpy(np.memmap(file, np.uint8, "c"))
    return pixels.view(-1, 3, 96, 96).transpose(2, 3)


def _read_labels(file: Path) -> Tensor:
    """The labels of a file: 1 to 10 in the file, 0 to 9 as returned."""
    return torch.from_numpy(np.fromfile(file, np.uint8)).long() - 1
