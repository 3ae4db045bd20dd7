"""A fit goes on with the images that it began with, or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.callbacks import KNNMonitor
from cl_lightning.data import BrokenImageError, ContrastiveData, image_folder, synthetic
from tests import small
from tests.data.photos import write_photos

BEGAN = {"train": 32, "val": 12, "bank": 9}


def data(seed: int = 0, **changed: int | None) -> ContrastiveData:
    sets = {
        name: None if size is None else synthetic(images=size, size=small.SIZE, seed=seed)
        for name, size in (BEGAN | changed).items()
    }
    return ContrastiveData(**sets, batch_size=8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begun(tmp_path_factory.mktemp("run"), data())


def begun(folder: Path, images: ContrastiveData) -> Path:
    trainer = small.trainer()
    trainer.fit(small.simclr(), images)
    trainer.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt"


def resume(file: Path, images: ContrastiveData) -> int:
    trainer = small.trainer(max_epochs=2)
    trainer.fit(small.simclr(), images, ckpt_path=file, weights_only=True)
    return trainer.global_step


@pytest.mark.parametrize(("name", "size"), [("train", 31), ("train", 33), ("val", 11), ("bank", 10)])
def test_another_number_of_images_is_refused_by_its_key(checkpoint: Path, name: str, size: int) -> None:
    message = rf"data\.{name} .*{checkpoint}.*{size} images now, {BEGAN[name]} then.*without ckpt_path"
    with pytest.raises(ValueError, match=message):
        resume(checkpoint, data(**{name: size}))


def test_as_many_other_images_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match=r"8 other \(image 0, image"):
        resume(checkpoint, data(seed=1))


def test_the_same_images_go_on(checkpoint: Path) -> None:
    assert resume(checkpoint, data()) == 8


def test_a_set_that_only_one_of_both_has_is_no_other_number(checkpoint: Path) -> None:
    assert resume(checkpoint, data(bank=None)) == 8
    assert resume(checkpoint, data(val=None, bank=None)) == 8


def test_other_images_may_be_evaluated(checkpoint: Path) -> None:
    trainer = small.trainer(KNNMonitor(k=5), limit_val_batches=1.0)
    trainer.validate(small.simclr(), data(train=17, val=10), ckpt_path=checkpoint, weights_only=True)
    assert "val/alignment" in trainer.callback_metrics


def test_a_checkpoint_of_before_is_compared_by_numbers(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    saved: dict[str, Any] = content["ContrastiveData"]
    del saved["inventories"]
    torch.save(content, tmp_path / "old.ckpt")
    assert resume(tmp_path / "old.ckpt", data(seed=1)) == 8
    with pytest.raises(ValueError, match=r"data\.train holds 35 images"):
        resume(tmp_path / "old.ckpt", data(train=35))
    assert saved.pop("images") == BEGAN
    torch.save(content, tmp_path / "older.ckpt")
    assert resume(tmp_path / "older.ckpt", data(train=35)) == 8


def test_it_is_refused_without_a_trainer_too(checkpoint: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)["ContrastiveData"]
    with pytest.raises(ValueError, match=r"data\.val .* 11 images now"):
        data(val=11).load_state_dict(state)


class Drawn(torch.utils.data.Dataset[torch.Tensor]):
    """A user's own Dataset, another image at each reading."""

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.randint(0, 256, (3, small.SIZE, small.SIZE), dtype=torch.uint8)


def test_a_set_that_draws_its_images_is_compared_by_its_length_and_draws_as_before(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    drawn = ContrastiveData(Drawn(), batch_size=8)
    drawn.setup("fit")
    assert torch.equal(torch.get_rng_state(), state)
    file = begun(tmp_path, ContrastiveData(Drawn(), batch_size=8))
    assert resume(file, ContrastiveData(Drawn(), batch_size=8)) == 4


# Photos

NAMES = [f"{kind}/{n}.png" for kind in ("a", "b") for n in range(8)]


def folder(root: Path, **settings: Any) -> ContrastiveData:
    return ContrastiveData(image_folder(root), batch_size=8, **settings)


@pytest.mark.parametrize(
    ("told", "change"),
    [
        (
            r"1 new \(b/9\.png\), 1 gone \(a/1\.png\)",
            lambda r: (r / "a/1.png").rename(r / "b/9.png"),
        ),
        (r"1 of another size \(a/1\.png\)", lambda r: (r / "a/1.png").write_bytes(larger(r))),
    ],
)
def test_other_photos_are_named(tmp_path: Path, told: str, change: Callable[[Path], Any]) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    change(photos)
    with pytest.raises(ValueError, match=told):
        resume(file, folder(photos))


def larger(root: Path) -> bytes:
    return (root / "a/2.png").read_bytes() + b"and more"


def test_photos_that_were_moved_as_a_whole_go_on(tmp_path: Path) -> None:
    file = begun(tmp_path, folder(write_photos(tmp_path / "photos", *NAMES)))
    shutil.move(tmp_path / "photos", tmp_path / "moved")
    assert resume(file, folder(tmp_path / "moved")) == 4


def test_a_photo_that_broke_is_no_other_photo(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    write_photos(photos, *NAMES, broken=("a/1.png",))
    with pytest.raises(BrokenImageError, match=r"a/1\.png"):
        resume(file, folder(photos))
    with pytest.warns(UserWarning, match=r"a/1\.png"):
        assert resume(file, folder(photos, max_broken=1)) == 4


def test_a_broken_photo_may_be_removed_and_all_others_keep_their_place(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES, broken=("a/1.png",))
    first = folder(photos, max_broken=1)
    with pytest.warns(UserWarning, match=r"a/1\.png"):
        file = begun(tmp_path, first)
    (photos / "a/1.png").unlink()
    again = folder(photos)
    assert len(again.train) == 15
    assert resume(file, again) == 4
    assert again.broken_files == [str(photos / "a/1.png")]
    assert len(again.train) == 16
    assert torch.equal(again.train[1][0], again.train[2][0])


def removed(photos: Path, *names: str) -> None:
    for name in names:
        (photos / name).unlink()


def repaired(photos: Path, *names: str) -> None:
    for name in names:
        (photos / name).write_bytes((photos / "b/7.png").read_bytes() + b"and more")


@pytest.mark.parametrize("mend", [removed, repaired])
def test_a_photo_that_broke_behind_a_checkpoint_may_be_mended_as_the_error_says(
    tmp_path: Path, mend: Callable[..., None]
) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    write_photos(photos, *NAMES, broken=("a/1.png",))
    with pytest.raises(BrokenImageError, match=r"a/1\.png"):
        resume(file, folder(photos))
    mend(photos, "a/1.png")
    with pytest.raises(ValueError, match=r"1 (gone|of another size) \(a/1\.png\).*data\.max_broken=1"):
        resume(file, folder(photos))
    again = folder(photos, max_broken=1)
    with pytest.warns(UserWarning, match=r"a/1\.png"):
        assert resume(file, again) == 4
    assert len(again.train) == 16
    assert len(again.broken_files) == (mend is removed)
    assert torch.equal(again.train[1][0], again.train[2][0]) == (mend is removed)


def test_more_photos_than_may_be_broken_are_still_others(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    removed(photos, "a/1.png", "b/2.png")
    with pytest.raises(ValueError, match=r"2 gone \(a/1\.png, b/2\.png\).*data\.max_broken=2"):
        resume(file, folder(photos, max_broken=1))


def test_photos_that_are_gone_count_among_the_broken_ones(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    write_photos(photos, *NAMES, broken=("b/2.png",))
    removed(photos, "a/1.png")
    with (
        pytest.warns(UserWarning, match=r"a/1\.png"),
        pytest.warns(UserWarning, match=r"b/2\.png"),
        pytest.raises(BrokenImageError, match=r"2 images cannot be read, and data\.max_broken=1 allows 1"),
    ):
        resume(file, folder(photos, max_broken=1))


def test_a_photo_under_another_name_is_not_taken_as_broken(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    file = begun(tmp_path, folder(photos))
    (photos / "a/1.png").rename(photos / "b/9.png")
    with pytest.raises(ValueError, match=r"1 new \(b/9\.png\), 1 gone \(a/1\.png\)") as refused:
        resume(file, folder(photos, max_broken=1))
    assert "max_broken" not in str(refused.value)


def test_all_processes_number_the_photos_alike_where_some_are_gone(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    state = torch.load(begun(tmp_path, folder(photos)), weights_only=True)["ContrastiveData"]
    removed(photos, "a/1.png")
    first, other = (folder(photos, max_broken=1) for _ in range(2))
    with pytest.warns(UserWarning, match=r"a/1\.png"):
        first.sets.go_on_from(state, "the run", "", compare=True, may_lack=1)
    other.sets.go_on_from(state, "the run", "", compare=False, may_lack=1)
    assert first.train.removed == other.train.removed == {1: str(photos / "a/1.png")}
    assert first.train.dataset.paths == other.train.dataset.paths
