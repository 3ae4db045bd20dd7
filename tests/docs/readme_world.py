"""What the commands of the pages find: photos, CIFAR, a Dataset and options of the user's own, all tiny."""

import hashlib
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10
from torchvision.models import resnet18

from tests.data.photos import write_photos

OWN_DATASET = """
from pathlib import Path

from PIL import Image
from torch.utils.data import Dataset


class MyPhotos(Dataset):
    def __init__(self, root: str):
        self.paths = sorted(Path(root).rglob("*.png"))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return Image.open(self.paths[index])
"""
RECIPES = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
(OWN_EXPERIMENT,) = re.findall(r"```yaml\n(.*?)```", RECIPES, flags=re.DOTALL)


def make_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put DIR, CLASSES, PHOTOS, CIFAR, weights, my_photos.py and my_conf/ into `folder`."""
    classes = [f"{split}/{kind}" for split in ("train", "val") for kind in ("cat", "dog")]
    write_photos(folder / "DIR", *[f"{place}/{n}.png" for place in classes for n in range(12)])
    write_photos(folder / "CLASSES", *[f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(10)])
    write_photos(
        folder / "PHOTOS", *[f"{month}/day 1/{n}.png" for month in ("may", "june") for n in range(10)]
    )
    make_cifar10(folder / "CIFAR", monkeypatch)
    torch.save(resnet18().state_dict(), folder / "resnet18-f37072fd.pth")
    (folder / "my_photos.py").write_text(OWN_DATASET, encoding="utf-8")
    (folder / "my_conf" / "experiment").mkdir(parents=True)
    (folder / "my_conf" / "experiment" / "mine.yaml").write_text(OWN_EXPERIMENT, encoding="utf-8")


def make_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10 of 16 and 8 images in the original format; their sums stand for the original ones."""
    folder = root / CIFAR10.base_folder
    folder.mkdir(parents=True)
    generator, sums = np.random.default_rng(0), {}
    contents = {"batches.meta": {"label_names": list("abcdefghij")}}
    for name, count in {"data_batch_1": 16, "test_batch": 8}.items():
        pixels = generator.integers(0, 256, (count, 3072), dtype=np.uint8)
        contents[name] = {"data": pixels, "labels": [n % 10 for n in range(count)]}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", sums["data_batch_1"]]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})
