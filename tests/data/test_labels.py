"""Labels are any whole numbers, and classes are the same by their names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, IterableDataset, Subset
from torchvision.datasets import ImageFolder

from cl_lightning.callbacks import KNNMonitor
from cl_lightning.data import ContrastiveData, image_folder, synthetic
from cl_lightning.data.item import image_and_label
from cl_lightning.evaluation import Features, knn_accuracy, linear_accuracy
from tests import small
from tests.data.photos import write_photos


class Own(Dataset[Any]):
    """A user's own images with these labels, and names of classes where they are given."""

    def __init__(self, labels: Sequence[Any], classes: Any = None, numbers: Any = None) -> None:
        self.labels, self.images = labels, synthetic(images=len(labels), size=small.SIZE, classes=3).images
        if classes is not None:
            self.classes = classes
        if numbers is not None:
            self.class_to_idx = numbers

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Any:
        return self.images[index], self.labels[index]


def knn(numbers: Sequence[int]) -> Any:
    """The kNN accuracy of a fit whose three classes have these numbers."""
    labels = [numbers[n % 3] for n in range(24)]
    data = ContrastiveData(Own(labels), Own(labels[:12]), batch_size=8)
    trainer = small.trainer(KNNMonitor(k=3), limit_val_batches=1.0)
    trainer.fit(small.simclr(), datamodule=data)
    return trainer.callback_metrics["val/knn_top1"].item()


def test_any_whole_numbers_are_labels_of_the_knn() -> None:
    plain = knn((0, 1, 2))
    assert knn((-5, 0, 10**15)) == knn((-(2**63), -2, 2**63 - 1)) == plain


def test_any_whole_numbers_are_labels_of_evaluations() -> None:
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    plain = torch.arange(60) % 3
    found = []
    for numbers in ((0, 1, 2), (-5, 0, 10**15)):
        part = Features(features, torch.tensor(numbers)[plain])
        found.append((knn_accuracy(part, part, k=5).accuracy, linear_accuracy(part, part, 2, 3).accuracy))
    assert found[0] == found[1]


def numbers(part: Any) -> list[int]:
    return [image_and_label(part[index])[1] for index in range(len(part))]


def test_two_torchvision_folders_are_compared_by_name(tmp_path: Path) -> None:
    write_photos(tmp_path, *(f"train/{kind}/1.png" for kind in ("ant", "bee", "cat")))
    write_photos(tmp_path, "val/bee/1.png", "val/cat/1.png", "val/cat/2.png")
    train, val = (ImageFolder(tmp_path / part) for part in ("train", "val"))
    data = ContrastiveData(train, val, batch_size=2)
    assert numbers(data.train) == [0, 1, 2]
    assert numbers(data.val) == [1, 2, 2]
    assert numbers(ContrastiveData(train, Subset(val, [2, 0]), batch_size=2).val) == [2, 1]
    for max_broken in (0, 1):
        ours = image_folder(tmp_path / "val")
        assert numbers(ContrastiveData(train, ours, batch_size=2, max_broken=max_broken).val) == [1, 2, 2]
    assert "ImageFolder" in repr(data)
    assert ContrastiveData(train, train, batch_size=2).val is train


def test_the_images_that_val_is_compared_with_are_those_of_the_bank() -> None:
    bank, val = Own([0, 1], ["b", "a"]), Own([0, 1], ["a", "b"])
    assert numbers(ContrastiveData(Own([5, 5]), val, batch_size=2, bank=bank).val) == [1, 0]


@pytest.mark.parametrize(
    "val",
    [
        Own([0, 1], ["b", "a"], {"a": 1, "b": 0}),
        Own([0, 1], ("b", "a")),
        Own([4, 9], numbers={"b": 4, "a": 9}),
        Own([False, True], numbers={"b": 0, "a": 1}),
    ],
)
def test_names_may_stand_in_classes_or_with_their_numbers(val: Any) -> None:
    assert numbers(ContrastiveData(Own([0, 1], ["a", "b"]), val, batch_size=2).val) == [1, 0]


def test_labels_without_names_are_compared_as_they_are() -> None:
    train = Own([0, 1], ["a", "b"])
    for classes in (None, 3, [0, 1], "ab"):
        assert numbers(ContrastiveData(train, Own([1, 0], classes), batch_size=2).val) == [1, 0]
    changed = Own([1, 0], ["b", "a"])
    changed.target_transform = lambda label: label  # type: ignore[attr-defined]
    assert numbers(ContrastiveData(train, changed, batch_size=2).val) == [1, 0]


def test_a_class_that_only_val_names_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.val names classes that data\.train .* lacks: wolf; acc"):
        ContrastiveData(Own([0, 1], ["a", "b"]), Own([0], ["wolf"]), batch_size=2)


def test_a_label_that_its_set_does_not_name_is_refused() -> None:
    data = ContrastiveData(Own([0, 1], ["a", "b"]), Own([0, 2], ["b", "a"]), batch_size=2)
    with pytest.raises(ValueError, match=r"gives the label 2, .* Change the set behind data\.val"):
        numbers(data.val)


def test_an_iterable_dataset_with_a_length_is_refused_as_one() -> None:
    class Stream(IterableDataset[Any]):
        def __len__(self) -> int:
            return 8

        def __iter__(self) -> Any:
            return iter(())

    for sets in ((Stream(), None), (Own([0] * 8), Stream())):
        with pytest.raises(ValueError, match=r"data\.(train|val) is an IterableDataset .Stream.; accepted"):
            ContrastiveData(*sets, batch_size=2)
