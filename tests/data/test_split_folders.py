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
    *(("images_train", "images_val"), ("trainset", "ValSet"), ("training-data", "dev"), ("x_train", "x_val")),
    *(("cats_train", "cats_val"), ("train.v2", "validation.v2"), ("01_train", "02_val")),
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
    with pytest.raises(ValueError, match=r"no folder .*/val; accepted: .* Test/ renamed"):
        image_folder(tmp_path, "val")
    assert image_folder(tmp_path).classes == ["a", "b"]
    assert any("Test/" in line for line in image_folder(tmp_path).notes)
    (tmp_path / "val").symlink_to("Test")
    assert parts(tmp_path) == (["train/a/1.png", "train/b/1.png"], ["val/a/2.png"])


def test_folders_beside_the_parts_are_not_used_and_that_is_told(tmp_path: Path) -> None:
    write_photos(tmp_path, "train/1.png", "val/2.png", "masks/1.png")
    assert parts(tmp_path) == (["train/1.png"], ["val/2.png"])
    assert any("masks/" in line for line in image_folder(tmp_path).notes)


@pytest.mark.parametrize("train", ["train", "Train", "val"])
def test_a_folder_of_photos_beside_other_classes_is_a_class(tmp_path: Path, train: str) -> None:
    names = [f"{kind}/{number}.png" for kind in ("aeroplane", "bus", "car", train) for number in range(5)]
    photos = image_folder(write_photos(tmp_path, *names))
    assert photos.classes == ["aeroplane", "bus", "car", train]
    assert len(photos) == 20
    assert any(f"{train}/ is a class" in line for line in photos.notes)
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


TRAIN_AND_VAL = [
    "train_val",
    "trainval",
    "train-val",
    "val_train",
    "TrainVal",
    "train+val 2012",
    "images_trainval",
]


@pytest.mark.parametrize("train", [*TRAIN_AND_VAL, "train_set", "training_data"])
@pytest.mark.parametrize("test", ["test", "test_set", "images_test"])
def test_a_part_to_test_by_makes_a_part_of_its_counterpart(tmp_path: Path, train: str, test: str) -> None:
    write_photos(
        tmp_path, f"{train}/cat/1.png", f"{train}/dog/1.png", f"{test}/cat/1.png", f"{test}/dog/1.png"
    )
    assert (image_folder(tmp_path).root, image_folder(tmp_path).classes) == (tmp_path / train, ["cat", "dog"])
    with pytest.raises(ValueError, match=rf"data\.val_fraction .* {test}/ renamed or linked as val/"):
        image_folder(tmp_path, "val")
    (tmp_path / "val").symlink_to(test)  # as that says
    assert parts(tmp_path)[1] == ["val/cat/1.png", "val/dog/1.png"]


@pytest.mark.parametrize("train", TRAIN_AND_VAL)
@pytest.mark.parametrize(("val", "beside"), [("val", ()), ("valid", ("test/cat/1.png",)), ("val_set", ())])
def test_what_may_hold_the_photos_to_evaluate_by_is_not_trained_on_beside_them(
    tmp_path: Path, train: str, val: str, beside: tuple[str, ...]
) -> None:
    root = tmp_path / "data"
    write_photos(root, f"{train}/cat/1.png", f"{train}/dog/1.png", f"{val}/cat/1.png", *beside)
    for split in ("train", "val"):
        with pytest.raises(ValueError, match=rf"rename {re.escape(train)}/ to train/") as caught:
            image_folder(root, split)
    assert f"move {val}/ out of data.root" in str(caught.value)
    (root / val).rename(tmp_path / val)
    assert image_folder(root).root == root / train
    (tmp_path / val).rename(root / val)
    (root / train).rename(root / "train")
    assert parts(root) == (["train/cat/1.png", "train/dog/1.png"], [f"{val}/cat/1.png"])


def test_a_word_that_all_names_have_makes_no_class_of_a_part(tmp_path: Path) -> None:
    write_photos(tmp_path, "seg_train/a/1.png", "seg_train/b/1.png", "seg_valid/a/1.png", "seg_pred/1.png")
    assert parts(tmp_path) == (["seg_train/a/1.png", "seg_train/b/1.png"], ["seg_valid/a/1.png"])


def test_photos_to_test_by_among_those_to_train_on_are_not_those_to_evaluate(tmp_path: Path) -> None:
    write_photos(tmp_path, "train_test/1.png", "val/1.png")
    assert parts(tmp_path) == (["train_test/1.png"], ["val/1.png"])


@pytest.mark.parametrize("train", ["train_set", "training data", "trainval"])
def test_a_lone_folder_that_is_named_like_a_part_is_that_part(tmp_path: Path, train: str) -> None:
    photos = image_folder(write_photos(tmp_path, f"{train}/cat/1.png", f"{train}/dog/1.png"))
    assert photos.classes == ["cat", "dog"]


def test_parts_of_several_sets_are_refused_with_what_works(tmp_path: Path) -> None:
    kinds, splits = ("cat", "dog"), ("train", "val")
    write_photos(tmp_path, *(f"{kind}_{split}/1.png" for kind in kinds for split in splits))
    with pytest.raises(ValueError, match=r"cat_val/, .*; accepted: .*train/CLASS/ and val/CLASS/"):
        image_folder(tmp_path)
    for split in splits:
        (tmp_path / split).mkdir()
        for kind in kinds:
            (tmp_path / f"{kind}_{split}").rename(tmp_path / split / kind)
    assert parts(tmp_path) == (["train/cat/1.png", "train/dog/1.png"], ["val/cat/1.png", "val/dog/1.png"])


def test_an_evaluation_and_a_test_set_alone_are_no_classes(tmp_path: Path) -> None:
    write_photos(tmp_path, "val_set/1.png", "test_set/1.png")
    with pytest.raises(ValueError, match=r"val_set.*, but no folder"):
        image_folder(tmp_path)


@pytest.mark.parametrize(
    "kinds",
    [
        *(
            ["train", "tram", "bus"],
            ["tram", "train set"],
            ["test tube", "train station"],
            ["train 1", "train 2"],
        ),
        *(["control", "test"], ["data", "images"], ["trainer", "training shoe"], ["dev", "ops", "qa"]),
    ],
)
def test_classes_whose_names_speak_of_a_part_stay_classes(tmp_path: Path, kinds: list[str]) -> None:
    photos = image_folder(write_photos(tmp_path, *(f"{kind}/{n}.png" for kind in kinds for n in range(2))))
    assert (photos.classes, len(photos)) == (sorted(kinds), 2 * len(kinds))


def test_a_run_that_began_with_such_folders_as_classes_goes_on_with_them(tmp_path: Path) -> None:
    write_photos(tmp_path, "images_train/1.png", "images_val/1.png")
    assert image_folder(tmp_path, rules=2).classes == ["images_train", "images_val"]
    write_photos(tmp_path / "other", "train_set/cat/1.png", "train_set/dog/1.png", "test/cat/1.png")
    assert image_folder(tmp_path / "other", rules=2).classes == ["test", "train_set"]


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
