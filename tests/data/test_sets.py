import os
from pathlib import Path

import pytest
import torch

from cl_lightning.data import TensorImages, cifar10, image_folder, synthetic

DATA = os.environ.get("CL_LIGHTNING_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="CL_LIGHTNING_DATA names no folder")


def test_a_tensor_set_is_a_map_style_dataset():
    images = torch.arange(48, dtype=torch.uint8).view(3, 1, 4, 4)
    data = TensorImages(images, torch.tensor([4, 5, 6]), "three")
    image, label = data[2]
    assert torch.equal(image, images[2])
    assert label == 6
    assert repr(data) == "three: 3 images 1x4x4"
    assert TensorImages(images).labels.tolist() == [-1, -1, -1]


def test_a_tensor_set_is_moved_once():
    data = TensorImages(torch.zeros(3, 1, 4, 4, dtype=torch.uint8))
    meta = torch.device("meta")
    assert data.on(meta)[0] is data.on(meta)[0]
    assert data.on(torch.device("cpu"))[0] is data.images


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(3, 1, 4, 4), None, r"torch.float32 \[3, 1, 4, 4\]; accepted: uint8"),
        (torch.zeros(3, 4, 4, dtype=torch.uint8), None, r"uint8 \[3, 4, 4\]; accepted"),
        (torch.zeros(0, 1, 4, 4, dtype=torch.uint8), None, "at least one image"),
        (
            torch.zeros(3, 1, 4, 4, dtype=torch.uint8),
            torch.zeros(2, dtype=torch.int64),
            r"int64 \[2\].* \[3\]",
        ),
        (
            torch.zeros(3, 1, 4, 4, dtype=torch.uint8),
            torch.zeros(3),
            r"float32 \[3\]; accepted: int64 \[3\]",
        ),
    ],
)
def test_a_tensor_set_refuses_what_it_cannot_hold(images, labels, message):
    with pytest.raises(ValueError, match=message):
        TensorImages(images, labels)


def test_synthetic_images_are_the_same_each_time_and_others_for_val_and_other_seeds():
    torch.manual_seed(1)
    first = synthetic(images=16)
    torch.manual_seed(2)
    assert torch.equal(first.images, synthetic(images=16).images)
    assert not torch.equal(first.images, synthetic("val", images=16).images)
    assert not torch.equal(first.images, synthetic(images=16, seed=1).images)


@pytest.mark.parametrize(("channels", "size", "classes"), [(1, 8, 2), (3, 32, 5)])
def test_synthetic_images_have_the_shape_and_classes_asked_for(channels, size, classes):
    data = synthetic(images=10, channels=channels, size=size, classes=classes)
    assert data.images.shape == (10, channels, size, size)
    assert data.images.float().std() > 20
    assert data.labels.tolist() == [i % classes for i in range(10)]


def test_the_class_of_a_synthetic_image_can_be_learnt():
    def spectrum(data):
        pixels = data.images.float().mean(1)
        power = torch.fft.rfft2(pixels - pixels.mean((1, 2), keepdim=True)).abs().flatten(1)
        return torch.nn.functional.normalize(power)

    train, val = synthetic(), synthetic("val")
    nearest = (spectrum(val) @ spectrum(train).T).argmax(1)
    assert (train.labels[nearest] == val.labels).float().mean() > 0.9


def test_synthetic_refuses_numbers_below_one():
    with pytest.raises(ValueError, match=r"\{'size': 0\}; accepted: 1 or more"):
        synthetic(size=0)


@pytest.mark.data
@needs_data
def test_cifar10_is_torchvisions():
    from torchvision.datasets import CIFAR10

    root = Path(DATA) / "cifar10"
    data, reference = cifar10(root, limit=20), CIFAR10(root)
    assert data.classes == tuple(reference.classes)
    assert data.images.shape == (20, 3, 32, 32)
    assert torch.equal(data.images[7], torch.from_numpy(reference.data[7]).permute(2, 0, 1))
    assert data.labels.tolist() == reference.targets[:20]
    assert len(cifar10(root, "val")) == 10_000
    with pytest.raises(ValueError, match=r"limit=50001; accepted: 1 to 50,000 .*data\.train\.limit"):
        cifar10(root, limit=50_001)


@pytest.mark.data
@needs_data
def test_all_real_photos_are_read():
    photos = image_folder(Path(DATA) / "imagenette-mini", "val")
    assert len(photos) == 200
    assert len(photos.classes) == 10
    for number in range(0, 200, 5):
        image, label = photos[number]
        assert image.dtype == torch.uint8
        assert image.shape[0] == 3
        assert label == number // 20
