from io import BytesIO
from pathlib import Path

import pytest
import torch
from PIL import Image

from cl_lightning.data import BrokenImageError, ContrastiveData, EvaluationOrder, image_folder, synthetic
from cl_lightning.data.broken_files import BrokenList
from cl_lightning.data.readable import ReadableImages
from cl_lightning.data.workers.worker_loader import WorkerLoader
from tests.data.photos import write_photos
from tests.processes import workers

NAMES = tuple(f"{number}.png" for number in range(8))


def photos(root, *broken):
    return image_folder(write_photos(root, *NAMES, broken=broken))


def stamp(image, index, epoch):
    return torch.full((3, 2, 2), 10 * epoch + index, dtype=torch.uint8)


def loaded(data, num_workers, epoch=3):
    """Index and stamped image of all photos, and the files reported."""
    found = []
    order = EvaluationOrder(len(data), 3)
    order.epoch = epoch
    batches = list(WorkerLoader(data, order, num_workers, stamp, report=lambda files: found.extend(files)))
    return (
        torch.cat([b.index for b in batches]).tolist(),
        torch.cat([b.images for b in batches])[:, 0, 0, 0],
        found,
    )


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_next_readable_photo_comes_with_its_own_index_and_crop(tmp_path, num_workers):
    data = photos(tmp_path, "2.png", "3.png", "7.png")
    index, values, found = loaded(ReadableImages(data, 3), num_workers)
    assert index == [0, 1, 4, 4, 4, 5, 6, 0]
    assert values.tolist() == [30 + i for i in index]
    assert sorted(set(found)) == [str(tmp_path / name) for name in ("2.png", "3.png", "7.png")]
    assert not workers()


def test_what_is_read_in_its_place_is_the_next_photo(tmp_path):
    data = photos(tmp_path, "2.png")
    readable = ReadableImages(data, 1)
    assert torch.equal(readable[2][0], data[3])
    assert len(readable) == 8
    assert repr(readable) == repr(data)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_broken_file_stops_the_run_unless_asked_otherwise(tmp_path, num_workers):
    data = ContrastiveData(photos(tmp_path, "5.png"), batch_size=4, num_workers=num_workers)
    with pytest.raises(BrokenImageError, match=rf"cannot read the image {tmp_path}/5.png \("):
        list(data.train_dataloader())
    assert data.broken_files == []
    assert not workers()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_each_is_told_once_and_listed(tmp_path, num_workers):
    data = ContrastiveData(
        photos(tmp_path, "2.png", "6.png"), batch_size=4, num_workers=num_workers, max_broken=2
    )
    loader = data.train_dataloader()
    with pytest.warns(UserWarning, match="cannot read the image .* The next readable image stands") as told:
        batches = [batch for _ in range(3) for batch in loader]
    assert {tuple(batch.images.shape) for batch in batches} == {(4, 3, 12, 10)}
    assert sorted(data.broken_files) == [str(tmp_path / name) for name in ("2.png", "6.png")]
    assert sorted(str(warning.message).split()[4] for warning in told) == sorted(data.broken_files)
    data.teardown("fit")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_one_more_than_allowed_stops_the_run_and_names_all(tmp_path, num_workers):
    data = ContrastiveData(
        photos(tmp_path, "1.png", "4.png", "6.png"), batch_size=2, num_workers=num_workers, max_broken=2
    )
    with (
        pytest.warns(UserWarning, match="stands in"),
        pytest.raises(
            BrokenImageError, match=r"3 images cannot be read, and data\.max_broken=2 allows 2"
        ) as caught,
    ):
        list(data.train_dataloader())
    assert all(str(tmp_path / name) in str(caught.value) for name in ("1.png", "4.png", "6.png"))
    assert not workers()


@pytest.mark.parametrize("max_broken", [2, 100])
def test_a_folder_without_a_readable_photo_ends(tmp_path, max_broken):
    with pytest.raises(BrokenImageError, match=rf"{min(max_broken + 1, 8)} images cannot be read"):
        ReadableImages(photos(tmp_path, *NAMES), max_broken)[0]


class Lazy:
    """A user's own Dataset, which leaves decoding to PIL."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return Image.open(BytesIO(Path(self.paths[index]).read_bytes())), index


def test_a_users_own_dataset_may_have_broken_files_too(tmp_path):
    paths = photos(tmp_path, "2.png", "3.png").paths
    with pytest.raises(BrokenImageError, match=r"cannot read image 2 of Lazy \(OSError: "):
        ReadableImages(Lazy(paths), 0)[2]
    read = ReadableImages(Lazy(paths), 2).read(2)
    assert (read.index, read.label, list(read.broken)) == (4, 4, ["image 2", "image 3"])


def test_an_error_in_a_users_code_is_no_broken_file():
    class Wrong(Lazy):
        def __getitem__(self, index):
            return self.pathz

    with pytest.raises(AttributeError, match="pathz"):
        ReadableImages(Wrong([1]), 5)[0]


def test_what_other_processes_met_counts_without_another_warning():
    broken = BrokenList(2)
    broken.merge(["a", "b", "a"])
    assert broken.paths == ["a", "b"]
    with pytest.raises(BrokenImageError, match=r"3 images cannot be read, .* allows 2: a, b, c\."):
        broken.merge(["c"])


def test_wrong_limits_are_refused_and_needless_ones_told():
    images = synthetic(images=8, size=8)
    with pytest.raises(ValueError, match=r"data\.max_broken=-1; accepted: 0 or more"):
        ContrastiveData(images, batch_size=4, max_broken=-1)
    with pytest.warns(
        UserWarning, match=r"data\.max_broken=1 has no effect: these images are held in memory"
    ):
        ContrastiveData(images, batch_size=4, max_broken=1)
