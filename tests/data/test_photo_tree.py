"""What is found below a folder, and what is passed over."""

import os
import unicodedata
from pathlib import Path

import pytest

from cl_lightning.data import image_folder
from cl_lightning.data.photos.photo_tree import PhotoTree
from tests.data.photos import write_photos


def found(root: Path, **settings: object) -> list[str]:
    return [os.path.relpath(path, root) for path in image_folder(root, **settings).paths]  # type: ignore[arg-type]


def passed_over(root: Path) -> dict[str, int]:
    return dict(image_folder(root).passed_over)


def test_other_files_are_counted_by_their_extension(tmp_path: Path) -> None:
    root = write_photos(tmp_path, "cat/1.png", "dog/1.JPG", "dog/deep/2.jpeg")
    for name in ("cat/a.txt", "cat/b.TXT", "dog/deep/README", "dog/x.cr2", ".DS_Store", "cat/._1.png"):
        (root / name).touch()
    assert found(root) == ["cat/1.png", "dog/1.JPG", "dog/deep/2.jpeg"]
    assert passed_over(root) == {".txt": 2, "without an extension": 1, ".cr2": 1, "hidden": 2}


@pytest.mark.parametrize(
    "folder",
    [
        *("@eaDir", "@eadir", ".thumbnails", "thumbnails", "__MACOSX", ".AppleDouble", "#recycle"),
        *("$RECYCLE.BIN", "System Volume Information", "lost+found"),
    ],
)
@pytest.mark.parametrize("place", ["", "cat/", "cat/deep/"])
def test_folders_of_systems_and_viewers_are_neither_classes_nor_photos(
    tmp_path: Path, folder: str, place: str
) -> None:
    root = write_photos(
        tmp_path, "cat/1.png", "dog/1.png", f"{place}{folder}/1.png", f"{place}{folder}/a/2.png"
    )
    photos = image_folder(root)
    assert (found(root), photos.classes) == (["cat/1.png", "dog/1.png"], ["cat", "dog"])
    assert photos.passed_over == {f"folder {folder}": 1}


def test_a_folder_that_the_user_names_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert found(write_photos(tmp_path / "thumbnails", "cat/1.png", "dog/1.png")) == [
        "cat/1.png",
        "dog/1.png",
    ]


def test_a_link_to_a_folder_that_it_is_in_is_left_out(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "root", "cat/1.png", "cat/deep/2.png", "dog/1.png")
    write_photos(tmp_path, "beside/3.png")
    (root / "cat" / "self").symlink_to(".")
    (root / "cat" / "deep" / "up").symlink_to("..")
    (root / "dog" / "root").symlink_to(root)
    (root / "dog" / "further up").symlink_to(tmp_path)
    assert found(root) == ["cat/1.png", "cat/deep/2.png", "dog/1.png"]
    assert passed_over(root) == {"link to a folder that is read already": 4}


def test_each_photo_is_there_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    elsewhere = write_photos(tmp_path / "elsewhere", "8.png", "9.png")
    root = write_photos(tmp_path / "root", "cat/1.png", "dog/1.png")
    (root / "ant").symlink_to(elsewhere)  # real folders come first, whatever the order of names
    (root / "cat" / "a dog").symlink_to(root / "dog")
    (root / "dog" / "a cat").symlink_to(root / "cat")
    (root / "dog" / "too").symlink_to(elsewhere)
    (root / "dog" / "0.png").symlink_to(root / "cat" / "1.png")
    (root / "dog" / "8.png").symlink_to(elsewhere / "8.png")
    assert found(root) == ["ant/8.png", "ant/9.png", "cat/1.png", "dog/1.png"]
    assert passed_over(root) == {
        "link to a folder that is read already": 3,
        "link to a photo that is there already": 2,
    }


def test_linked_photos_elsewhere_are_photos_and_links_to_nothing_are_told(tmp_path: Path) -> None:
    blob = write_photos(tmp_path / "store", "blob.png") / "blob.png"
    root = write_photos(tmp_path / "root", "cat/1.png", "dog/1.png")
    (root / "cat" / "2.png").symlink_to(blob)
    (root / "cat" / "3.png").symlink_to(tmp_path / "gone.png")
    (root / "cat" / "4.png").symlink_to("4.png")
    (root / "cat" / "gone").symlink_to(tmp_path / "gone")
    os.mkfifo(root / "dog" / "pipe.png")
    assert found(root) == ["cat/1.png", "cat/2.png", "dog/1.png"]
    assert passed_over(root) == {"link to nothing": 2, "no regular file": 1, "without an extension": 1}


def test_an_old_run_keeps_its_formats_and_its_walk(tmp_path: Path) -> None:
    root = write_photos(tmp_path, "cat/1.png", "cat/deep/2.png", "dog/1.png", "dog/@eaDir/3.png")
    (root / "dog" / "1.png").rename(root / "dog" / "1.gif")
    (root / "dog" / "other").symlink_to(root / "cat" / "deep")
    assert found(root, rules=1) == ["cat/1.png", "cat/deep/2.png", "dog/@eaDir/3.png", "dog/other/2.png"]
    assert found(root) == ["cat/1.png", "cat/deep/2.png", "dog/1.gif"]


def test_class_names_are_the_same_however_their_accents_are_written(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "épagneul") for form in ("NFC", "NFD"))
    root = write_photos(tmp_path, f"train/{composed}/1.png", "train/chat/1.png", f"val/{decomposed}/1.png")
    train, val = image_folder(root), image_folder(root, "val")
    assert train.classes == val.classes == ["chat", composed]
    assert (train.labels, val.labels) == ([0, 1], [1])
    photos = image_folder(write_photos(root, f"train/{decomposed}/2.png"))
    assert (photos.classes, photos.labels) == (["chat", composed], [0, 1, 1])
    assert any(composed in line for line in photos.notes)


CONFIG = "seed: 0\nrun:\n  root: runs\nmethod:\n  name: simclr\nencoder: {}\nloss: {}\ntrainer:\n  x: 1\n"


def write_run(folder: Path) -> None:
    write_photos(folder, "plots/pairs.png", "plots/curves.png", "tensorboard/1.png")
    (folder / "config.yaml").write_text(CONFIG)


@pytest.mark.parametrize("place", ["runs", "cat/runs", ".", "out/deep"])
def test_runs_and_reports_are_never_images_wherever_they_lie(tmp_path: Path, place: str) -> None:
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png")
    for name in ("simclr-00ff00ff", "moco-12345678"):
        write_run(root / place / name)
    write_photos(root / place / "report", "curves.png", "parameters.png")
    for name in ("report.html", "runs.csv"):
        (root / place / "report" / name).touch()
    photos = image_folder(root)
    assert (found(root), photos.classes) == (["cat/1.png", "dog/1.png"], ["cat", "dog"])
    assert photos.passed_over == {"run or report of cl_lightning": 3}


@pytest.mark.parametrize(
    "names", [("logs/simclr-00ff00ff.log",), ("simclr-00ff00ff/.lock",), ("slurm/1.out",)]
)
def test_a_folder_of_runs_that_begin_just_now_is_no_class(tmp_path: Path, names: tuple[str, ...]) -> None:
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png")
    for name in names:
        (root / "runs" / name).parent.mkdir(parents=True)
        (root / "runs" / name).touch()
    assert image_folder(root).classes == ["cat", "dog"]


def test_runs_in_the_working_folder_are_no_class_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(tmp_path, "cat/1.png", "dog/1.png")
    write_run(tmp_path / "runs" / "simclr-00ff00ff")
    monkeypatch.chdir(tmp_path)
    for root in (".", "./", f"../{tmp_path.name}"):
        assert image_folder(root).classes == ["cat", "dog"]


def test_a_config_of_somebody_else_makes_no_run(tmp_path: Path) -> None:
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png")
    (root / "cat" / "config.yaml").write_text("run: 1\nmethod: camera\n")
    assert found(root) == ["cat/1.png", "dog/1.png"]


def test_photos_beside_runs_are_photos(tmp_path: Path) -> None:
    root = write_photos(tmp_path, "cat/1.png", "dog/1.png")
    write_run(root / "cat" / "simclr-00ff00ff")
    assert found(root) == ["cat/1.png", "dog/1.png"]


def test_no_folder_is_listed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten folders that all link to each other have 10! ways through them."""
    root = write_photos(tmp_path, *(f"{number}/{number}.png" for number in range(10)))
    for one in range(10):
        for other in range(10):
            (root / str(one) / f"to {other}").symlink_to(root / str(other))
    listed, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda place: (listed.append(place), scandir(place))[1])
    assert len(list(PhotoTree(root).paths())) == 10
    assert len(listed) == 11
