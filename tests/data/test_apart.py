"""Nothing is evaluated as held out that was trained on, however links lead to it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cl_lightning.data import ContrastiveData, image_folder, imagenet, imagenette
from tests.data.photos import write_photos

ALL = [f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4)]


def data(root: Path, **settings: float) -> ContrastiveData:
    train, val = (image_folder(root, split, **settings) for split in ("train", "val"))  # type: ignore[arg-type]
    return ContrastiveData(train, val, batch_size=2)


def both_one_folder(root: Path) -> None:
    write_photos(root.parent / "all", *ALL)
    for part in ("train", "val"):
        (root / part).symlink_to("../all")


def val_is_train(root: Path) -> None:
    write_photos(root / "train", *ALL)
    (root / "val").symlink_to("train")


def train_is_val(root: Path) -> None:
    write_photos(root / "validation", *ALL)
    (root / "training").symlink_to(root / "validation")


def val_is_inside(root: Path) -> None:
    write_photos(root / "train", *ALL, "dog/more/cat/9.png", "dog/more/dog/8.png")
    (root / "val").symlink_to("train/dog/more")


def train_is_above(root: Path) -> None:
    write_photos(root / "val", *ALL)
    (root / "train").symlink_to(".")


def one_class_is_linked(root: Path) -> None:
    write_photos(root / "train", *ALL)
    write_photos(root / "val", "cat/9.png")
    (root / "val" / "dog").symlink_to("../train/dog")


def one_photo_is_linked(root: Path) -> None:
    write_photos(root / "train", *ALL)
    write_photos(root / "val", "cat/9.png", "dog/9.png")
    (root / "val" / "cat" / "other.png").symlink_to("../../train/cat/1.png")


def both_are_links_to_photos_elsewhere(root: Path) -> None:
    write_photos(root.parent / "all", *ALL)
    for part in ("train", "val"):
        for name in ALL if part == "train" else ALL[::4]:
            (root / part / name).parent.mkdir(parents=True, exist_ok=True)
            (root / part / name).symlink_to(root.parent / "all" / name)


@pytest.mark.parametrize(
    "make",
    [
        *(both_one_folder, val_is_train, train_is_val, val_is_inside, train_is_above, one_class_is_linked),
        *(one_photo_is_linked, both_are_links_to_photos_elsewhere),
    ],
)
def test_photos_that_are_trained_on_are_not_evaluated(tmp_path: Path, make: Callable[[Path], None]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    make(root)
    with pytest.raises(ValueError, match=r"data\.val .*; accepted: .*data\.val=null"):
        data(root)
    assert len(ContrastiveData(image_folder(root), batch_size=2).train) > 0  # as it says


def test_photos_of_its_own_in_the_place_of_a_link_are_evaluated(tmp_path: Path) -> None:
    val_is_train(tmp_path)
    (tmp_path / "val").unlink()
    write_photos(tmp_path, *(f"val/{name}" for name in ALL))
    assert len(data(tmp_path).val or ()) == len(ALL)


def test_two_links_to_one_photo_may_not_be_on_both_sides(tmp_path: Path) -> None:
    one = write_photos(tmp_path / "elsewhere", "1.png") / "1.png"
    root = write_photos(tmp_path / "root", *ALL)
    for number in range(20):
        (root / "cat" / f"link {number}.png").symlink_to(one)
    with pytest.raises(ValueError, match=r"link \d+\.png"):
        data(root, val_fraction=0.5)


def test_links_to_other_photos_are_evaluated(tmp_path: Path) -> None:
    write_photos(tmp_path / "a", *ALL)
    write_photos(tmp_path / "b", *ALL)
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "train").symlink_to("../a")
    (tmp_path / "root" / "val").symlink_to("../b")
    assert len(data(tmp_path / "root").val or ()) == 8
    assert len(data(tmp_path / "a", val_fraction=0.5).val or ()) > 0


@pytest.mark.parametrize(("given", "top"), [(imagenet, ""), (imagenette, "imagenette2-160")])
def test_those_of_known_folders_neither(tmp_path: Path, given: Callable[..., object], top: str) -> None:
    write_photos(tmp_path / top / "train", *ALL)
    os.symlink("train", tmp_path / top / "val")
    with pytest.raises(ValueError, match=r"8 of 8 photos of data\.val"):
        ContrastiveData(given(tmp_path, "train"), given(tmp_path, "val"), batch_size=2)  # type: ignore[arg-type]


def test_the_bank_may_not_hold_the_queries_either(tmp_path: Path) -> None:
    one, other = (image_folder(write_photos(tmp_path / name, *ALL)) for name in "ab")
    with pytest.raises(ValueError, match=r"data\.bank"):
        ContrastiveData(one, other, bank=other, batch_size=2)
