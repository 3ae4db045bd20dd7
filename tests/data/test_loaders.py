from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from cl_lightning.data import DeviceLoader, EpochOrder, EvaluationOrder, WorkerLoader, image_folder, synthetic
from cl_lightning.data.centre_crop import centre_crop
from tests.processes import workers

CPU = torch.device("cpu")


def stamp(image, index, epoch):
    """A pair of 'crops' that shows which image, index and epoch a worker was asked for."""
    corner = image[:, :2, :2].clone()
    corner[0, 0, 0], corner[0, 0, 1] = index, epoch
    return torch.stack([corner, corner])


@pytest.fixture
def photos(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9, 12, 10, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        folder = tmp_path / "train" / f"class {number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"猫 {number}.png")
    return tmp_path


def rows(loader, epochs=(0, 1)):
    found = []
    for epoch in epochs:
        loader.sampler.set_epoch(epoch)
        found += list(loader)
    return found


def assert_same(some, others):
    for batch, other in zip(some, others, strict=True):
        for part, reference in zip(batch, other, strict=True):
            assert part.dtype == reference.dtype
            assert torch.equal(part, reference)


def test_device_loader_gives_the_rows_that_the_order_names():
    data = synthetic(images=20, size=8)
    loader = DeviceLoader(data, EpochOrder(20, 6, seed=2), CPU)
    assert len(loader) == 3
    batches = rows(loader)
    assert len(batches) == 6
    for batch in batches:
        assert torch.equal(batch.images, data.images[batch.index])
        assert torch.equal(batch.labels, data.labels[batch.index])
    assert not torch.equal(batches[0].index, batches[3].index)


def test_a_set_gives_the_same_rows_from_the_device_and_from_workers():
    data = synthetic(images=20, size=8)
    on_device = DeviceLoader(data, EpochOrder(20, 6, seed=2), CPU)
    with_workers = WorkerLoader(data, EpochOrder(20, 6, seed=2), num_workers=2)
    assert_same(rows(on_device), rows(with_workers))


def test_photos_give_the_same_rows_for_0_and_2_workers(photos):
    def loader(num_workers):
        return WorkerLoader(image_folder(photos), EpochOrder(9, 4, seed=1), num_workers, stamp)

    single, double = rows(loader(0), (0, 1, 5)), rows(loader(2), (0, 1, 5))
    assert_same(single, double)
    for batch, epoch in zip(single, (0, 0, 1, 1, 5, 5), strict=True):
        assert batch.images.shape == (4, 2, 3, 2, 2)
        assert torch.equal(batch.images[:, 0, 0, 0, 0].long(), batch.index)
        assert (batch.images[:, :, 0, 0, 1] == epoch).all()


def test_a_stopped_epoch_leaves_the_next_one_whole(photos):
    loader = WorkerLoader(image_folder(photos), EpochOrder(9, 3, seed=1), num_workers=2, transform=stamp)
    expected = rows(loader, (1,))
    for _ in loader:
        break
    assert_same(rows(loader, (1,)), expected)


def test_loading_leaves_the_global_generator_alone(photos):
    state = torch.get_rng_state()
    for num_workers in (0, 2):
        rows(WorkerLoader(image_folder(photos), EpochOrder(9, 4, seed=1), num_workers, stamp))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_truncated_photo_stops_the_run_with_its_path(photos, num_workers):
    path = photos / "train" / "class 1" / "猫 3.png"
    path.write_bytes(path.read_bytes()[:200])
    loader = WorkerLoader(image_folder(photos), EpochOrder(9, 3, seed=1), num_workers, stamp)
    with pytest.raises(ValueError, match="cannot read the image") as caught:
        list(loader)
    assert str(path) in str(caught.value)
    assert not workers()  # and its workers are gone


def test_photos_of_different_sizes_without_a_crop_are_refused(photos):
    Image.new("RGB", (7, 7)).save(photos / "train" / "class 1" / "small.png")
    loader = WorkerLoader(image_folder(photos), EvaluationOrder(10, 10))
    with pytest.raises(ValueError, match=r"\[3, 12, 10\].*\[3, 7, 7\].*views that cut a crop"):
        list(loader)


def test_evaluation_cuts_the_middle_after_resizing_the_short_side(photos):
    data = image_folder(photos)
    loader = WorkerLoader(data, EvaluationOrder(9, 4), transform=partial(centre_crop, size=5))
    batches = list(loader)
    assert [len(batch.images) for batch in batches] == [4, 4, 1]
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(9))
    # short side 10 to 5, long side 12 to 6, then the first 5 of 6 rows
    image = data[0][0].double()[None]
    small = torch.nn.functional.interpolate(image, (6, 5), mode="bilinear", antialias=True)[0]
    difference = (batches[0].images[0].double() - small[:, :5]).abs()
    assert difference.max() <= 1


def test_the_middle_of_an_image_of_the_right_size_is_itself():
    image = synthetic(images=1, size=16).images[0]
    assert torch.equal(centre_crop(image, 0, 0, size=16), image)
    assert centre_crop(image, 0, 0, size=24).shape == (3, 24, 24)


class Bare(torch.utils.data.Dataset):
    """Images, with labels of a kind that differs by test."""

    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.item(index)


@pytest.mark.parametrize(
    ("item", "labels"),
    [
        (lambda i: torch.full((3, 4, 4), i, dtype=torch.uint8), [-1, -1, -1, -1]),
        (lambda i: (np.full((4, 4, 1), i, dtype=np.uint8), None), [-1, -1, -1, -1]),
        (lambda i: (Image.new("L", (4, 4), i), torch.tensor(i + 1)), [1, 2, 3, 4]),
        (lambda i: [Image.new("RGB", (4, 4), (i, i, i)), np.int64(i)], [0, 1, 2, 3]),
    ],
)
def test_a_users_dataset_may_give_images_or_images_with_labels(item, labels):
    (batch,) = WorkerLoader(Bare(item), EvaluationOrder(4, 4))
    assert batch.labels.tolist() == labels
    assert batch.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert batch.images.dtype == torch.uint8


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_set_that_ends_early_is_refused_not_cut_short(num_workers):
    class Ends:
        def __len__(self):
            return 8

        def __getitem__(self, index):
            if index == 5:
                raise StopIteration
            return np.zeros((4, 4, 3), np.uint8)

    loader = WorkerLoader(Ends(), EvaluationOrder(8, 4), num_workers)
    with pytest.raises(ValueError, match="image 5 of Ends raised StopIteration; accepted: an image"):
        list(loader)
