"""Folders of photos as users have them: what can be trained on is, all else is told in one line."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.bad_input.conftest import Train
from tests.bad_input.photos import SMALL, SMALL_MOCO, bomb, photos, turn_all
from tests.data.photos import write_photos

WRONG = {
    "truncated": (lambda whole: whole[:60], "OSError: image file is truncated"),
    "zero-byte": (lambda whole: b"", "it is empty"),
    "text": (lambda whole: b"no image at all", "no image of a kind that PIL knows"),
    "bomb": (
        lambda whole: bomb(40_000, 40_000),
        "too large: Image size (1600000000 pixels), PIL takes 178,956,970",
    ),
}


@pytest.fixture(autouse=True)
def _photos(tmp_path: Path) -> None:
    photos(tmp_path / "photos", "cat", "dog")


@pytest.mark.parametrize("wrong", WRONG)
def test_a_first_photo_that_cannot_be_read_is_refused_by_its_path_and_why(wrong: str, train: Train) -> None:
    content, reason = WRONG[wrong]
    path = Path("photos/train/cat/0.png")
    path.write_bytes(content(path.read_bytes()))
    refusal = train(*SMALL).refusal()
    assert refusal.startswith(f"cl-train: cannot read the image {path} ({reason}); accepted: ")
    assert "data.max_broken" in refusal


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_later_one_stops_the_run_by_its_path_and_why(wrong: str, num_workers: int, train: Train) -> None:
    content, reason = WRONG[wrong]
    path = Path("photos/train/dog/2.png")
    path.write_bytes(content(path.read_bytes()))
    stop = train(*SMALL, f"data.num_workers={num_workers}").stop()
    assert stop.startswith(
        f"cl-train: cannot read the image {path} ({reason}); accepted: complete image files"
    )


def test_one_of_validation_stops_the_run_by_its_path(train: Train) -> None:
    Path("photos/val/dog/1.png").write_bytes(b"")
    assert (
        train(*SMALL).stop().startswith("cl-train: cannot read the image photos/val/dog/1.png (it is empty)")
    )


def test_broken_files_within_the_limit_are_told_and_trained_without(train: Train) -> None:
    for name in ("train/cat/0.png", "val/dog/1.png"):
        Path("photos", name).write_bytes(b"")
    with pytest.warns(UserWarning, match="stands in for it") as told:
        train(*SMALL, "data.max_broken=2").trained()
    words = "cannot read the image photos/{} (it is empty)."
    for name in ("train/cat/0.png", "val/dog/1.png"):
        assert sum(str(warning.message).startswith(words.format(name)) for warning in told) == 1


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_photo_that_pil_only_warns_of_is_trained_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # photos have 120
    train(*SMALL).trained()


def test_a_photo_beyond_pils_limit_is_refused_with_the_limit(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    told = "photos/train/cat/0.png (too large: Image size (120 pixels), PIL takes 100)"
    assert told in train(*SMALL).refusal()


def test_an_empty_class_is_refused_by_its_name(train: Train) -> None:
    Path("photos/train/empty class").mkdir()
    refusal = train(*SMALL).refusal()
    assert (
        "photos/train lacks photos; accepted: at least one photo a class; empty are empty class (" in refusal
    )
    assert "data.root" in refusal


def test_a_folder_that_cannot_be_read_is_refused_by_its_path(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def closed(path: str) -> object:  # to root nothing is
        if str(path).endswith("photos/train/dog"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    refusal = train(*SMALL).refusal()
    assert "cannot read the folder photos/train/dog ([Errno 13] Permission denied" in refusal
    assert "data.root" in refusal


@pytest.mark.parametrize("root", ["nowhere", "photos/train/cat/0.png"])
def test_a_root_that_is_no_folder_is_refused(root: str, train: Train) -> None:
    assert (
        train(*SMALL, f"data.root={root}")
        .refusal()
        .startswith(
            f"cl-train: there is no folder {root}; accepted: a data.root that holds train/CLASS/*.jpg"
        )
    )


def test_one_image_is_too_few_for_the_batch_and_for_simclr(tmp_path: Path, train: Train) -> None:
    write_photos(tmp_path / "one", "train/1.png", "val/1.png")
    few = train(*SMALL, "data.root=one").refusal()
    assert "data.batch_size=4 with 1 training images; accepted: 1 to 1. Change data.batch_size." in few
    alone = train(*SMALL, "data.root=one", "data.batch_size=1").refusal()
    assert (
        "data.batch_size is 1, but SimCLR's negatives are the other images of the batch; accepted: 2" in alone
    )


def test_a_batch_of_one_is_too_few_for_the_statistics_of_moco(train: Train) -> None:
    moco = (*SMALL, *SMALL_MOCO, "data.batch_size=1")
    groups = train(*moco).refusal()
    assert "2 BatchNorm groups for a global batch of 1" in groups
    assert "take a larger data.batch_size" in groups
    for policy in ("sync", "plain"):
        alone = train(*moco, f"encoder.batch_norm={policy}", "encoder.batch_norm_groups=1").refusal()
        assert f"data.batch_size is 1, so encoder.batch_norm={policy} has 1 image for its statistics" in alone
        assert "accepted: a data.batch_size of 2 or more" in alone


def test_one_class_is_trained_on_without_knn_accuracy(tmp_path: Path, train: Train) -> None:
    photos(tmp_path / "one", "cat")
    with pytest.warns(UserWarning, match="kNN accuracy is left out"):
        folder = train(*SMALL, "data.root=one").trained()
    assert json.loads((folder / "summary.json").read_text())["knn_top1"] is None


def test_one_class_that_is_said_to_be_one_has_a_knn_accuracy_of_1(tmp_path: Path, train: Train) -> None:
    photos(tmp_path / "one", "cat")
    folder = train(*SMALL, "data.root=one", "data.labels=true").trained()
    assert json.loads((folder / "summary.json").read_text())["knn_top1"] == 1.0


@pytest.mark.filterwarnings("ignore:.*more than 8 bits:UserWarning")
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_photos_of_any_mode_are_trained_on(mode: str, tmp_path: Path, train: Train) -> None:
    turn_all(tmp_path / "photos", mode)
    train(*SMALL).trained()


@pytest.mark.filterwarnings("ignore:.*nearly constant:UserWarning")
@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3)])
def test_photos_smaller_than_the_crop_are_enlarged(
    size: tuple[int, int], tmp_path: Path, train: Train
) -> None:
    turn_all(tmp_path / "photos", size=size)
    train(*SMALL).trained()


def test_names_with_spaces_signs_and_chinese_characters_are_trained_on(tmp_path: Path, train: Train) -> None:
    photos(tmp_path / "my 照片 (1)", "黑 猫", "dog, b=c", "it's")
    assert "黑 猫" in os.listdir("my 照片 (1)/train")
    train(*SMALL, "data.root='my 照片 (1)'").trained()


FAULTS = {
    "stale": (lambda: OSError(116, "Stale file handle"), "({reason}); accepted: a disk or file server"),
    "memory": (MemoryError, "there is not enough memory"),
}


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("wrong", ["train/cat/0.png", "train/dog/2.png"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_fault_of_the_image_stops_the_run_and_calls_for_no_repair(
    fault: str, wrong: str, num_workers: int, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, words = FAULTS[fault]
    opened = Image.open

    def fail(path: str) -> Image.Image:
        if str(path).endswith(wrong):
            raise error()
        return opened(path)

    monkeypatch.setattr(Image, "open", fail)
    stop = train(*SMALL, "data.max_broken=5", f"data.num_workers={num_workers}").stop()
    assert words.format(reason="Stale file handle") in stop
    assert "epair" not in stop
    assert fault == "memory" or f"photos/{wrong}" in stop


def test_a_broken_file_of_any_bytes_is_named_in_the_message_and_in_every_file(
    tmp_path: Path, train: Train
) -> None:
    photos(tmp_path / "caf\udce9", "b\udce9te", "dog")
    wrong = "caf\udce9/train/b\udce9te/br\udce9\n  1.jpg"
    Path(wrong).touch()
    place = ("data.root='caf\udce9'", "logger=csv_tensorboard")
    stop = train(*SMALL, *place).stop()
    told = r"cannot read the image caf\xe9/train/b\xe9te/br\xe9\n  1.jpg (it is empty)"
    assert told in stop
    (folder,) = Path("runs").iterdir()
    assert told in (folder / "error.txt").read_text(encoding="utf-8")
    with pytest.warns(UserWarning, match="stands in for it"):
        folder = train(*SMALL, *place, "data.max_broken=1").trained()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert [os.path.relpath(path) for path in summary["broken_files"]] == [wrong]


WRONG_CHANNELS = {
    "data.channels=1": "encoder.backbone.channels is 1, but images have 3; accepted: 3 (data.channels)",
    "data.channels=4": "encoder.backbone.channels is 4, but images have 3; accepted: 3 (data.channels)",
    "data.mean=[0.5] data.std=[0.5]": "encoder.backbone.channels is 3, but images have 1; accepted: 1 (data",
    "data.mean=[0.5]": "change views.std",
    "views=digits": "images of 12 x 10 pixels were given, but these views take 8 x 8: change views.size",
}


@pytest.mark.parametrize("wrong", WRONG_CHANNELS)
def test_channels_and_sizes_that_do_not_fit_are_refused_with_their_keys(wrong: str, train: Train) -> None:
    assert WRONG_CHANNELS[wrong] in train(*SMALL, *wrong.split()).refusal()


def test_photos_are_grey_where_that_is_asked_for(train: Train) -> None:
    train(*SMALL, "data.mean=[0.5]", "data.std=[0.5]", "data.channels=1").trained()
