"""Images named on a command line: folders in any layout, words of cl-train, and what can't be used."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import PhotoFolder
from cl_lightning.data.photos.any_layout import all_photos
from cl_lightning.data.record.inventory import below
from cl_lightning.pairs import simclr_views
from cl_lightning.runs.given_images import all_images, evaluation_data, given_images
from tests.composed_once import composed_once
from tests.data.photos import write_photos

DIGITS = ("data=digits", "data.batch_size=64")
GREY, COLOUR = (simclr_views(8, mean=(0.5,) * n, std=(0.25,) * n) for n in (1, 3))


@pytest.fixture(autouse=True, scope="module")
def _composed_once() -> Iterator[None]:
    with composed_once():
        yield


def labels_of(photos: PhotoFolder) -> list[str] | None:
    return None if photos.labels is None else [photos.classes[label] for label in photos.labels]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["a/1.png", "b/1.png", "b/deep/2.png"], ["a", "b", "b"]),
        (["train/a/1.png", "train/b/2.png", "val/a/3.png"], ["a", "b", "a"]),
        (["train/a/1.png", "train/b/2.png", "test/b/3.png", "val/a/4.png"], ["a", "b", "b", "a"]),
        (["Training/a/1.png", "Validation/b/2.png"], ["a", "b"]),
        (["1.png", "2.png"], None),
        (["1.png", "a/1.png", "b/1.png"], None),
        (["a/1.png", "a/2.png"], None),
    ],
)
def test_a_folder_has_all_its_photos_with_their_classes(
    names: list[str], labels: list[str] | None, tmp_path: Path
) -> None:
    photos = all_photos(write_photos(tmp_path / "photos", *names))
    known = dict(zip(below(photos), labels_of(photos) or [], strict=False))
    assert set(below(photos)) == set(names)
    assert known == ({} if labels is None else dict(zip(names, labels, strict=True)))


@pytest.mark.parametrize(
    ("names", "word", "labels"),
    [
        (["a/1.png", "b/1.png"], "false", None),
        (["a/1.png", "a/2.png"], "true", ["a", "a"]),
        (["train/a/1.png", "val/a/2.png"], "true", ["a", "a"]),
        (["a/1.png", "b/1.png"], "null", ["a", "b"]),
    ],
)
def test_data_labels_says_whether_the_folders_are_classes(
    names: list[str], word: str, labels: list[str] | None, tmp_path: Path
) -> None:
    write_photos(tmp_path, *names)
    photos = all_images(given_images([str(tmp_path), f"data.labels={word}"], "IMAGES"), COLOUR)["train"]
    assert isinstance(photos, PhotoFolder)
    assert labels_of(photos) == labels


@pytest.mark.parametrize("word", ["true", "some"])
def test_labels_that_photos_lack_are_refused(word: str, tmp_path: Path) -> None:
    write_photos(tmp_path, "1.png", "a/2.png")
    with pytest.raises(ConfigError, match=r"data\.labels.*accepted: "):
        all_images(given_images([str(tmp_path), f"data.labels={word}"], "IMAGES"), COLOUR)


def test_a_folder_is_named_after_itself(tmp_path: Path) -> None:
    write_photos(tmp_path / "birds", "1.png")
    given = given_images([str(tmp_path / "birds"), "data.batch_size=3"], "IMAGES")
    assert (given.name, given.root) == ("birds", tmp_path / "birds")
    assert given.config["data"]["batch_size"] == 3
    assert list(all_images(given, COLOUR)) == ["train"]


def test_a_folder_with_commas_and_equals_signs_in_its_name_is_read(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "a=1, {b} $c", "1.png")
    given = given_images([str(folder)], "IMAGES")
    (photos,) = all_images(given, COLOUR).values()
    assert len(photos) == 1


def test_words_name_all_sets_of_a_data_set() -> None:
    given = given_images(DIGITS, "IMAGES")
    sets = all_images(given, GREY)
    assert (given.name, list(sets)) == ("digits", ["train", "val"])
    assert sum(map(len, sets.values())) == 1797


def test_a_folder_to_evaluate_on_has_the_layouts_of_training(tmp_path: Path) -> None:
    names = [f"{split}/{kind}/{n}.png" for split in ("train", "val") for kind in "ab" for n in range(2)]
    given = given_images([str(write_photos(tmp_path / "split", *names))], "--data")
    data = evaluation_data(given, COLOUR)
    assert (len(data.train), len(data.val or ()), data.has_labels) == (4, 4, True)
    assert data.batch_size == 4

    flat = write_photos(tmp_path / "flat", *(f"{kind}/{n}.png" for kind in "ab" for n in range(20)))
    with pytest.raises(ConfigError, match=r"accepted: .*data\.val_fraction"):
        evaluation_data(given_images([str(flat)], "--data"), COLOUR)
    data = evaluation_data(given_images([str(flat), "data.val_fraction=0.5"], "--data"), COLOUR)
    assert len(data.train) + len(data.val or ()) == 40


def test_images_in_memory_with_other_channels_are_refused_with_both_numbers() -> None:
    given = given_images(DIGITS, "--data")
    for read in (all_images, evaluation_data):
        with pytest.raises(ConfigError, match=r"1 channel, .*3 channels; accepted"):
            read(given, COLOUR)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "IMAGES is empty"),
        (["nowhere"], "nowhere, which is not there"),
        (["photos", "other"], "IMAGES has other"),
        (["photos/1.png"], "photos/1.png, which is a file"),
        (["data.root=photos"], r"data.root=photos; accepted: .*data=cifar10"),
        (["data=digits", "seed=1"], "seed=1"),
        (["data=digits", "loss=nt_xent"], "loss=nt_xent"),
        (["data=digits", "data.nothing=1"], "nothing"),
    ],
)
def test_words_that_name_no_images_are_refused(words: Sequence[str], named: str, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", "1.png")
    with pytest.raises(Exception, match=named):
        given_images(words, "IMAGES")


@pytest.mark.parametrize(
    "word",
    [
        "data.batch_size=0",
        "data.batch_size=-1",
        "data.batch_size=many",
        "data.batch_size=2.5",
        "data.batch_size=null",
        "data.num_workers=-1",
        "data.num_workers=true",
        "data.max_broken=-1",
        "data.max_broken=x",
    ],
)
def test_a_number_that_can_not_be_used_is_refused_with_its_key(word: str, tmp_path: Path) -> None:
    write_photos(tmp_path, "1.png")
    for words in ([str(tmp_path), word], ["data=digits", word.replace("data.", "++data.")]):
        with pytest.raises(ConfigError, match=word.partition("=")[0]):
            given_images(words, "IMAGES")
