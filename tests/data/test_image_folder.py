import os
import random
import unicodedata
from pathlib import Path

import pytest

from cl_lightning.data import image_folder
from cl_lightning.data.photos.natural import natural
from tests.data.photos import write_photos
from tests.rights import as_any_user

SPLIT = ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "val/cat/1.png", "val/dog/1.png")


def names(photos, root):
    return [str(Path(path).relative_to(root)) for path in photos.paths]


def test_a_folder_of_each_part_with_class_folders(tmp_path):
    write_photos(tmp_path, *SPLIT)
    train, val = image_folder(tmp_path), image_folder(tmp_path, "val")
    assert (names(train, tmp_path), train.labels) == (list(SPLIT[:3]), [0, 0, 1])
    assert (names(val, tmp_path), val.labels) == (list(SPLIT[3:]), [0, 1])
    assert train.classes == val.classes == ["cat", "dog"]
    assert repr(train) == f"{tmp_path}/train: 3 photos, 2 classes"


def test_a_class_has_the_same_number_in_validation_where_others_are_missing(tmp_path):
    write_photos(tmp_path, *SPLIT, "train/ant/1.png", "train/bee/1.png")
    assert image_folder(tmp_path, "val").labels == [2, 3]


def test_validation_may_have_one_class_only_and_training_one_folder_that_is_none(tmp_path):
    root = write_photos(tmp_path / "one", "train/ant/1.png", "train/cat/1.png", "val/cat/1.png")
    assert image_folder(root, "val").labels == [1]
    root = write_photos(tmp_path / "none", "train/some/1.png", "val/others/1.png")
    assert (image_folder(root).labels, image_folder(root, "val").labels) == (None, None)


def test_a_class_that_training_lacks_is_refused(tmp_path):
    write_photos(tmp_path, *SPLIT, "val/wolf/1.png")
    with pytest.raises(ValueError, match=r"val has class folders that the training images lack: wolf;"):
        image_folder(tmp_path, "val")


@pytest.mark.parametrize("rules", [1, 2])
@pytest.mark.parametrize("below", ["", "train/"])
def test_a_share_is_held_out_where_there_is_no_val(tmp_path, below, rules):
    everything = [f"{below}{kind}/{number}.png" for kind in ("cat", "dog") for number in range(10)]
    write_photos(tmp_path, *everything)
    train, val = (image_folder(tmp_path, split, val_fraction=0.2, rules=rules) for split in ("train", "val"))
    assert (len(train), len(val)) == ((16, 4) if rules == 1 else (13, 7))
    assert sorted(names(train, tmp_path) + names(val, tmp_path), key=natural) == everything
    assert train.classes == val.classes == ["cat", "dog"]
    for part in (train, val):
        assert names(part, tmp_path) == sorted(names(part, tmp_path), key=natural)
        assert all(part.classes[n] in path for n, path in zip(part.labels, part.paths, strict=True))
    assert names(image_folder(tmp_path), tmp_path) == everything


@pytest.mark.parametrize(("fraction", "held_out"), [(0.001, 1), (0.25, 2), (0.5, 4), (0.999, 7)])
def test_an_old_run_holds_out_by_number_at_least_one_of_each_part(tmp_path, fraction, held_out):
    write_photos(tmp_path, *(f"{number}.png" for number in range(8)))
    assert len(image_folder(tmp_path, "val", fraction, rules=1)) == held_out
    assert len(image_folder(tmp_path, "train", fraction, rules=1)) == 8 - held_out


def test_an_old_run_holds_out_the_same_numbers_whatever_the_names(tmp_path):
    some = write_photos(tmp_path / "some", *(f"{number}.png" for number in range(20)))
    others = write_photos(tmp_path / "others", *(f"x/{number}/a.png" for number in range(20)))
    held_out = [Path(path).stem for path in image_folder(some, "val", 0.3, rules=1).paths]
    assert held_out == ["0", "1", "8", "10", "12", "15"]  # as the first version drew them
    again = image_folder(others, "val", 0.3, labels=False, rules=1)
    assert [Path(path).parent.name for path in again.paths] == held_out


def test_photos_without_classes_have_no_labels(tmp_path):
    root = write_photos(tmp_path, "b.png", "a/b/c.png", "a/d.png")
    photos = image_folder(root)
    assert (photos.labels, photos.classes) == (None, [])
    assert names(photos, root) == ["b.png", "a/d.png", "a/b/c.png"]
    assert photos[0].shape == (3, 12, 10)  # an image alone, not (image, label)
    assert repr(photos) == f"{root}: 3 photos, no labels"


def test_one_folder_is_no_class_unless_it_is_said(tmp_path):
    root = write_photos(tmp_path, "photos/1.png", "photos/more/2.png")
    assert image_folder(root).labels is None
    assert image_folder(root, labels=True).labels == [0, 0]
    two = write_photos(tmp_path, "others/1.png")
    assert image_folder(two).labels == [0, 1, 1]
    assert image_folder(two, labels=False).labels is None


def test_photos_beside_class_folders_are_told(tmp_path):
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png", "stray.png")
    with pytest.warns(UserWarning, match=r"1 photos beside its folders, such as stray.png: no photo gets"):
        assert image_folder(root).labels is None
    assert len(image_folder(root, labels=False)) == 3
    with pytest.raises(ValueError, match=r"1 photos beside the class folders, but data\.labels=true; acc"):
        image_folder(root, labels=True)


def test_order_is_natural_and_that_of_the_names_whatever_the_file_system(tmp_path, monkeypatch):
    expected = [
        "class 1/é/a.png",
        "class 2/b 1.png",
        "class 2/b 10.png",
        "class 10/ü.png",
        "Ärger/猫 ٣.png",
        "猫/a b.png",
    ]
    root = write_photos(tmp_path, *reversed(expected))
    walk, generator = os.walk, random.Random(1)

    def in_any_order(*args, **settings):
        for place, folders, files in walk(*args, **settings):
            generator.shuffle(folders)
            generator.shuffle(files)
            yield place, folders, files

    monkeypatch.setattr(os, "walk", in_any_order)
    for labels in [None, False] * 3:
        assert names(image_folder(root, labels=labels), root) == expected
    assert image_folder(root).classes == ["class 1", "class 2", "class 10", "Ärger", "猫"]


def test_accents_sort_alike_however_a_file_system_writes_them():
    composed = ["Åre", "Zoo", "ärger", "zebra"]
    decomposed = [unicodedata.normalize("NFD", name) for name in composed]
    order = [composed.index(name) for name in sorted(composed, key=natural)]
    assert [decomposed.index(name) for name in sorted(decomposed, key=natural)] == order


def test_hidden_files_and_what_is_no_image_are_left_out(tmp_path):
    root = write_photos(
        tmp_path, "cat/1.png", "dog/1.PNG", ".hidden/a.png", "cat/.thumbs/a.png", "cat/._1.png"
    )
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "README").write_text("no image")
    assert names(image_folder(root), root) == ["cat/1.png", "dog/1.PNG"]


def test_linked_folders_are_followed(tmp_path):
    elsewhere = write_photos(tmp_path / "elsewhere", "1.png")
    root = write_photos(tmp_path / "root", "dog/1.png")
    (root / "cat").symlink_to(elsewhere)
    assert image_folder(root).labels == [0, 1]


REFUSED = [
    ((), {}, "no folder {root}; accepted: a data.root that holds train/CLASS"),
    (("val/a/1.png",), {}, "no folder {root}/train; accepted"),
    (("1.txt",), {}, r"{root} lacks photos; accepted: at least one photo \(\.jpg"),
    (SPLIT, {"split": "test"}, "split='test'"),
    (SPLIT, {"val_fraction": 0.1}, r"data\.val_fraction=0\.1, but {root}/val has photos"),
    (
        SPLIT[:3],
        {"split": "val"},
        r"no folder {root}/val; accepted: a data\.val_fraction .* data\.val=null",
    ),
    (SPLIT[:3], {"val_fraction": 0.0}, r"data\.val_fraction=0\.0; accepted: above 0 and below 1"),
    (SPLIT[:3], {"val_fraction": 1.0}, r"data\.val_fraction=1\.0; accepted: above 0 and below 1"),
    (("1.png",), {"val_fraction": 0.5}, "{root} has 1 photo; accepted: 2 or more"),
    (
        ("1.png",),
        {"labels": True},
        r"{root} has 1 photos? .*|{root} has no class folders, but data\.labels=true",
    ),
]


@pytest.mark.parametrize(("files", "settings", "message"), REFUSED)
def test_what_does_not_fit_is_refused_with_what_was_looked_for(tmp_path, files, settings, message):
    root = tmp_path / "photos"
    for name in files:
        if name.endswith(".txt"):
            root.mkdir()
            (root / name).touch()
        else:
            write_photos(root, name)
    with pytest.raises(ValueError, match=message.format(root=root)):
        image_folder(root, **settings)


def test_an_empty_class_folder_is_refused(tmp_path):
    (write_photos(tmp_path, *SPLIT) / "train" / "empty class").mkdir()
    with pytest.raises(ValueError, match=r"photo a class; empty are empty class \(\.jpg .*data\.root"):
        image_folder(tmp_path)


def test_a_folder_that_may_not_be_read_is_refused(tmp_path):
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png", "dog/closed/1.png")
    (root / "dog" / "closed").chmod(0)
    with as_any_user(), pytest.raises(ValueError, match=r"cannot read the folder .*closed"):
        image_folder(root)
