"""Which folders are parts of a data set, and which are classes."""

import re
from pathlib import Path

import pytest

from cl_lightning.data import image_folder
from tests.data.photos import write_photos

NAMES = [
    *(
        ("Train", "Val"),
        ("TRAIN", "VAL"),
        ("training", "validation"),
        ("train", "valid"),
        ("Training", "Valid"),
    ),
    *(("train", "eval"), ("train2017", "val2017"), ("train_images", "val_images"), ("Train Set", "valid")),
]


def parts(root: Path) -> tuple[list[str], list[str]]:
    """Names of the photos to train on and of those to evaluate, below `root`."""
    train, val = image_folder(root), image_folder(root, "val")
    return tuple([str(Path(path).relative_to(root)) for path in part.paths] for part in (train, val))  # type: ignore[return-value]


@pytest.mark.parametrize(("train", "val"), NAMES)
def test_other_names_of_the_parts_are_used(tmp_path: Path, train: str, val: str) -> None:
    photos = (f"{train}/cat/1.png", f"{train}/dog/2.png"), (f"{val}/cat/3.png", f"{val}/dog/4.png")
    write_photos(tmp_path, *photos[0], *photos[1])
    assert parts(tmp_path) == tuple(map(list, photos))
    assert image_folder(tmp_path, "val").labels == [0, 1]


@pytest.mark.parametrize("train", ["train", "Training"])
def test_photos_without_classes_in_both_parts_are_parts_too(tmp_path: Path, train: str) -> None:
    assert parts(write_photos(tmp_path, f"{train}/1.png", "valid/2.png")) == (
        [f"{train}/1.png"],
        ["valid/2.png"],
    )


def test_two_names_of_one_part_are_refused_until_one_is_moved(tmp_path: Path) -> None:
    write_photos(tmp_path / "data", "train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/a/2.png")
    for split in ("train", "val"):
        with pytest.raises(ValueError, match=r"has val/ and valid/, each .*; accepted: .*data\.root"):
            image_folder(tmp_path / "data", split)
    (tmp_path / "data" / "valid").rename(tmp_path / "valid")
    assert parts(tmp_path / "data") == (["train/a/1.png", "train/b/1.png"], ["val/a/1.png"])


def test_photos_to_test_by_are_taken_for_validation_only_by_the_users_will(tmp_path: Path) -> None:
    write_photos(tmp_path, "train/a/1.png", "train/b/1.png", "Test/a/2.png")
    with pytest.raises(ValueError, match=r"no folder .*/val; accepted: .* Test/ under the name"):
        image_folder(tmp_path, "val")
    assert image_folder(tmp_path).classes == ["a", "b"]
    assert any("Test/" in line for line in image_folder(tmp_path).told)
    (tmp_path / "val").symlink_to("Test")
    assert parts(tmp_path) == (["train/a/1.png", "train/b/1.png"], ["val/a/2.png"])


def test_folders_beside_the_parts_are_not_used_and_that_is_told(tmp_path: Path) -> None:
    write_photos(tmp_path, "train/1.png", "val/2.png", "masks/1.png")
    assert parts(tmp_path) == (["train/1.png"], ["val/2.png"])
    assert any("masks/" in line for line in image_folder(tmp_path).told)


@pytest.mark.parametrize("train", ["train", "Train", "val"])
def test_a_folder_of_photos_beside_other_classes_is_a_class(tmp_path: Path, train: str) -> None:
    names = [f"{kind}/{number}.png" for kind in ("aeroplane", "bus", "car", train) for number in range(5)]
    photos = image_folder(write_photos(tmp_path, *names))
    assert photos.classes == ["aeroplane", "bus", "car", train]
    assert len(photos) == 20
    assert any(f"{train}/ is a class" in line for line in photos.told)
    both = [image_folder(tmp_path, split, val_fraction=0.3) for split in ("train", "val")]
    assert sum(map(len, both)) == 20


@pytest.mark.parametrize("beside", [(), ("notes/1.txt",), ("test/1.png",), ("@eaDir/1.png",)])
def test_a_folder_of_photos_that_is_alone_is_the_part_to_train_on(
    tmp_path: Path, beside: tuple[str, ...]
) -> None:
    write_photos(tmp_path, "train/1.png", *(name for name in beside if name.endswith(".png")))
    for name in beside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert image_folder(tmp_path).root == tmp_path / "train"


def test_names_that_only_begin_like_a_part_are_classes(tmp_path: Path) -> None:
    kinds = ["test tube", "train station", "trainers", "valley"]
    assert image_folder(write_photos(tmp_path, *(f"{kind}/1.png" for kind in kinds))).classes == kinds


def test_a_share_to_hold_out_beside_photos_for_validation_is_refused_with_what_works(tmp_path: Path) -> None:
    write_photos(tmp_path, *(f"Train/{n}.png" for n in range(20)), "Valid/1.png")
    with pytest.raises(ValueError, match=r"Valid has photos for validation; .*or data\.root=") as caught:
        image_folder(tmp_path, "train", val_fraction=0.3)
    root = re.search(r"or data\.root=(\S+)", str(caught.value))
    assert root is not None
    assert sum(len(image_folder(root[1], split, val_fraction=0.3)) for split in ("train", "val")) == 20


def test_photos_for_validation_alone_are_refused_with_what_works(tmp_path: Path) -> None:
    write_photos(tmp_path, *(f"valid/{n}.png" for n in range(20)))
    with pytest.raises(ValueError, match=r"/train; accepted: .*or data\.root=") as caught:
        image_folder(tmp_path, "train", val_fraction=0.3)
    root = re.search(r"or data\.root=(\S+)", str(caught.value))
    assert root is not None
    assert sum(len(image_folder(root[1], split, val_fraction=0.3)) for split in ("train", "val")) == 20


def test_an_old_run_knows_train_and_val_only(tmp_path: Path) -> None:
    write_photos(tmp_path, "Train/1.png", "valid/2.png")
    assert image_folder(tmp_path, rules=1).classes == ["Train", "valid"]
    write_photos(tmp_path, "train/1.png", "bus/1.png")
    assert len(image_folder(tmp_path, rules=1)) == 1
