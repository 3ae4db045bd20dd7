"""The nearest rows of an image: those that NumPy finds, printed by name and drawn."""

from pathlib import Path

import numpy as np
import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding import neighbours
from tests.data.photos import write_photos
from tests.embedding.asked import content, embedded
from tests.embedding.conftest import NAMES, saved


@pytest.fixture(scope="module")
def file(run: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded(run, [photos], tmp_path_factory.mktemp("rows") / "rows.npz").file


def by_cosine(file: Path, name: str) -> list[str]:
    """The names of the other rows, the nearest to that of `name` first."""
    files, _, vectors = content(file)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[files.index(name)]), kind="stable")
    return [files[place] for place in order if files[place] != name]


@pytest.mark.parametrize("ending", [".npz", ".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_the_nearest_are_those_by_cosine_without_the_image_itself(
    ending: str, run: Path, photos: Path, tmp_path: Path
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    asked = [str(photos / name) for name in (NAMES[0], NAMES[11])]
    done = embedded(run, [photos], tmp_path / f"rows{ending}", neighbours=asked)
    assert done.neighbours is not None
    for path, name in zip(asked, (NAMES[0], NAMES[11]), strict=True):
        near = done.neighbours.found[path]
        assert [each.file for each in near] == by_cosine(done.file, name)[: neighbours.SHOWN]
        assert all(each.label == each.file.split("/")[1] for each in near)
    assert done.neighbours.picture == tmp_path / "rows-neighbours.png"
    assert done.neighbours.picture.read_bytes().startswith(b"\x89PNG")


def test_a_file_that_exists_is_searched_and_not_changed(file: Path, run: Path, photos: Path) -> None:
    before = file.read_bytes()
    pictures = []
    for name in NAMES[:2]:
        done = embedded(run, [photos], file, neighbours=[str(photos / name)])
        assert (done.rows, done.neighbours is not None) == (None, True)
        assert done.neighbours is not None
        pictures.append(done.neighbours.picture.name)
    assert file.read_bytes() == before
    assert pictures == ["rows-neighbours.png", "rows-neighbours-2.png"]


def test_a_photo_from_elsewhere_may_be_searched_for(
    file: Path, run: Path, photos: Path, tmp_path: Path
) -> None:
    other = write_photos(tmp_path, "other.png") / "other.png"  # the same pixels as the first of all
    done = embedded(run, [photos], file, neighbours=[str(other)])
    assert done.neighbours is not None
    first, *_ = done.neighbours.found[str(other)]
    assert first.file == NAMES[0]
    assert first.similarity == pytest.approx(1, abs=1e-5)


def test_an_image_without_a_file_is_searched_for_by_its_name(run: Path, tmp_path: Path) -> None:
    words = ["data=synthetic", "data.size=8", "data.train.images=12", "data.val=null"]
    done = embedded(run, words, tmp_path / "rows.npz", neighbours=["train/3"])
    assert done.neighbours is not None
    expected = by_cosine(done.file, "train/3")[: neighbours.SHOWN]
    assert [near.file for near in done.neighbours.found["train/3"]] == expected


@pytest.mark.parametrize("ending", [".npz", ".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_vectors_of_another_network_are_not_searched(
    ending: str, run: Path, photos: Path, tmp_path: Path
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    file = embedded(run, [photos], tmp_path / f"rows{ending}").file
    other = saved(tmp_path / "other.ckpt", seed=1)
    for run_, options in ((other, {}), (run, {"layer": "projector"}), (run, {"encoder": "key"})):
        with pytest.raises(ConfigError, match=r"another .*(checkpoint|layer|encoder)|other vectors"):
            embedded(run_, [photos], file, neighbours=[str(photos / NAMES[0])], **options)


def test_a_file_of_something_else_is_not_searched(run: Path, photos: Path, tmp_path: Path) -> None:
    for ending in (".npz", ".csv"):
        file = tmp_path / f"rows{ending}"
        for text in (b"", b"mine", b"my,own,table\n"):
            file.write_bytes(text)
            with pytest.raises(ConfigError, match="is no file of cl-embed"):
                embedded(run, [photos], file, neighbours=[str(photos / NAMES[0])])
            assert file.read_bytes() == text


def test_rows_of_other_images_are_not_searched(file: Path, run: Path, tmp_path: Path) -> None:
    others = write_photos(tmp_path / "others", "x.png", "y.png")
    with pytest.raises(ConfigError, match="accepted: the images that it was made from"):
        embedded(run, [others], file, neighbours=[str(others / "x.png")])


def test_an_image_to_search_for_that_cant_be_read_is_named(
    file: Path, run: Path, photos: Path, tmp_path: Path
) -> None:
    broken = write_photos(tmp_path, "broken.png", broken=("broken.png",)) / "broken.png"
    with pytest.raises(ConfigError, match=r"--neighbours: cannot read the image .*broken\.png"):
        embedded(run, [photos], file, neighbours=[str(broken)])
