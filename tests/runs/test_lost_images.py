"""A run whose images can't be read as they were tells what has become of them, and no new run's advice."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import image_folder
from cl_lightning.data.record.inventory import inventory
from cl_lightning.runs import RunFolder, same_run
from cl_lightning.runs.finished import FinishedRuns
from cl_lightning.runs.own_images.record import assembled, images_to_evaluate
from cl_lightning.runs.own_images.record import keep as keep_images
from cl_lightning.runs.own_images.record_file import FILE, Images, OtherImagesError, kept
from tests.data.photos import write_photos
from tests.small import config

NAMES = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in ("a", "b") for n in range(3)]
ONE_FOLDER = ("data.val_fraction=0.4",)


def begun(*overrides: str) -> tuple[dict[str, Any], RunFolder]:
    """A run of the photos in the working folder that has saved a step, without training one."""
    run = config("data=image_folder", "data.root=photos", "data.batch_size=4", *overrides)
    folder = RunFolder.of(run)
    data = assembled(run, folder)
    folder.path.mkdir(parents=True)
    keep_images(folder, run, data)
    folder.prepare(run)
    folder.checkpoint.parent.mkdir()
    folder.checkpoint.touch()
    (folder.path / "summary.json").write_text(json.dumps({"broken_files": []}))
    return run, folder


def remove(*names: str) -> Callable[[Path], None]:
    def change(photos: Path) -> None:
        for name in names:
            path = photos / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def empty(*names: str) -> Callable[[Path], None]:
    def change(photos: Path) -> None:
        remove(*names)(photos)
        for name in names:
            (photos / name).mkdir()

    return change


def rename(photos: Path) -> None:
    (photos / "val").rename(photos / "held out")


def add_a_class(photos: Path) -> None:
    write_photos(photos, "val/c/1.png")


CHANGES: dict[str, Callable[[Path], None]] = {
    "data.val .*6 photos were in {}/val,": remove("val"),
    "data.train .*6 photos were in {}/train,": remove("train"),
    "data.train .*6 photos were in {}/train, ": remove("train", "val"),
    "data.val .* were in {}/val,": rename,
    "data.val .*6 gone .a/0.png": empty("val"),
    "data.train .*3 gone .b/0.png": empty("train/b"),
    "data.train .*3 gone .b/0.png, b/1": remove("train/b"),
    "data.val .*1 new .c/1.png": add_a_class,
    "data.train .*5 gone .a/0.png, a/1.png, a/2.png, ": remove(*[n for n in NAMES if "train" in n][:-1]),
}


@pytest.mark.parametrize(("told", "change"), CHANGES.items())
def test_what_is_gone_is_told_where_a_run_goes_on_is_finished_or_evaluated(
    tmp_path: Path, told: str, change: Callable[[Path], None]
) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    run, folder = begun()
    change(photos)
    told = told.format(photos)
    with pytest.raises(OtherImagesError, match=told) as resumed:
        assembled(run, folder)
    with pytest.raises(OtherImagesError, match=told) as finished:
        FinishedRuns().check(folder, run)
    with pytest.raises(OtherImagesError, match=told) as evaluated:
        images_to_evaluate(folder, None)
    for error in (resumed, finished, evaluated):
        assert str(folder.path) in str(error.value)
        assert "val_fraction" not in str(error.value)
        assert "labels=" not in str(error.value)
    assert "--root" in str(evaluated.value)


def test_photos_of_one_folder_that_are_gone_are_told_of_their_own_part(tmp_path: Path) -> None:
    names = [f"{kind}/{n}.png" for kind in ("a", "b") for n in range(8)]
    photos = write_photos(tmp_path / "photos", *names)
    run, folder = begun(*ONE_FOLDER)
    shutil.rmtree(photos / "b")
    (photos / "b").mkdir()
    images = kept(folder)
    assert images is not None
    gone = [path for path in vars(images.sets["train"])["paths"] if path.startswith("b/")]
    with pytest.raises(OtherImagesError, match=rf"data\.train .*: {len(gone)} gone \({gone[0]}"):
        assembled(run, folder)


def test_a_part_that_is_gone_after_a_move_is_looked_for_where_the_run_went_on(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    _, folder = begun()
    photos.rename(tmp_path / "moved")
    again = config("data=image_folder", "data.root=moved", "data.batch_size=4")
    keep_images(folder, again, assembled(again, folder))
    images = kept(folder)
    assert images is not None
    assert vars(images.sets["val"])["root"] == str(tmp_path / "moved/val")
    shutil.rmtree(tmp_path / "moved/val")
    with pytest.raises(OtherImagesError, match=f"{tmp_path}/moved/val,"):
        assembled(again, folder)


def test_a_part_that_was_lost_in_a_move_is_told_of_the_run_that_was_moved(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    _, folder = begun()
    photos.rename(tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved/val")
    again = config("data=image_folder", "data.root=moved", "data.batch_size=4")
    assert same_run.begun(again, RunFolder.of(again)).path == folder.path
    with pytest.raises(OtherImagesError, match=rf"data\.val .* {tmp_path}/moved/val,"):
        assembled(again, folder)
    with pytest.raises(OtherImagesError, match=rf"data\.val .* {tmp_path}/moved/val,"):
        images_to_evaluate(folder, "moved")


def test_what_is_put_back_goes_on(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    run, folder = begun()
    (photos / "val").rename(tmp_path / "val")
    with pytest.raises(OtherImagesError, match="put back"):
        assembled(run, folder)
    (tmp_path / "val").rename(photos / "val")
    assert len(assembled(run, folder).val or ()) == 6


def test_a_run_without_a_record_gets_no_new_runs_advice_either(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", *NAMES)
    run, folder = begun()
    (folder.path / FILE).unlink()
    shutil.rmtree(photos / "val")
    for go_on in (lambda: assembled(run, folder), lambda: images_to_evaluate(folder, None)):
        with pytest.raises(OtherImagesError, match=str(folder.path)) as told:
            go_on()
        assert "val_fraction" not in str(told.value)


def test_any_other_error_stays_as_it_is(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", *NAMES)
    run, folder = begun()
    run["data"]["max_broken"] = -1
    with pytest.raises(ConfigError, match="max_broken") as told:
        assembled(run, folder)
    assert not isinstance(told.value, OtherImagesError)


def test_the_record_is_read_once_until_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cl_lightning.runs.own_images import record_file as image_record

    write_photos(tmp_path / "photos", *NAMES)
    run, folder = begun()
    opened: list[bytes] = []
    read = image_record.decompressed
    monkeypatch.setattr(image_record, "decompressed", lambda content: opened.append(content) or read(content))
    assembled(run, folder)
    keep_images(folder, run, assembled(run, folder))
    assert len(opened) <= 1
    (folder.path / FILE).write_bytes(b"no record")
    with pytest.raises(ConfigError, match=FILE):
        kept(folder)


def test_folders_of_sets_move_with_their_roots(tmp_path: Path) -> None:
    photos = image_folder(write_photos(tmp_path / "a", "x/1.png", "x/2.png"))
    files = inventory(photos)
    images = Images(2, {"data.root": "/new"}, {"train": files})
    assert vars(images.moved_from({"data.root": str(tmp_path)}).sets["train"])["root"] == "/new/a"
    assert images.moved_from({"data.root": "/other"}).sets["train"] == files
