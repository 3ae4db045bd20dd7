"""Archives of known sets that lie at the wrong place are read once they lie where the message says."""

import re
import shutil
from pathlib import Path

import pytest
from torchvision.datasets import STL10

from tests.advice.cases import NO_FOLDER
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.data.archives import make_imagenette, make_stl10, pack
from tests.data.test_imagenet import archives as archives  # a fixture

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
NOWHERE = "http://127.0.0.1:9"
WORDS = (*NO_FOLDER, "data.batch_size=4", "callbacks.knn.k=2", "data.root=data")
PUT = r"put (\S+) as (\S+) into (\S+): (data\.download=true) unpacks it"


def imagenette(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make_imagenette(folder, patch, NOWHERE)
    shutil.rmtree(folder / "imagenette2-160")


def stl10(folder: Path, patch: pytest.MonkeyPatch) -> None:
    make_stl10(folder, patch)
    patch.setattr(STL10, "tgz_md5", pack(folder / STL10.base_folder, folder / STL10.filename))
    shutil.rmtree(folder / STL10.base_folder)


@pytest.mark.parametrize("make", [imagenette, stl10])
def test_an_archive_is_unpacked_where_the_message_wants_it(
    make: "type[imagenette]", train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(Path("elsewhere"), monkeypatch)
    words = [*WORDS, f"data={make.__name__}"]
    told = re.search(PUT, message := train(*words).refusal())
    assert told, message
    Path(told[3]).mkdir()
    shutil.move(Path("elsewhere", told[2]), told[3])
    train(*words, told[4]).trained()


@pytest.mark.parametrize("make", [imagenette, stl10])
def test_a_folder_that_was_unpacked_elsewhere_is_read_from_there(
    make: "type[imagenette]", train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(Path("elsewhere"), monkeypatch)
    (archive,) = Path("elsewhere").iterdir()
    shutil.unpack_archive(archive, "elsewhere")
    words = [*WORDS, f"data={make.__name__}"]
    told = re.search(
        r"a folder that holds the complete (\S+): set (data\.root) to it", message := train(*words).refusal()
    )
    assert told, message
    assert Path("elsewhere", told[1]).is_dir()
    train(*words, f"{told[2]}=elsewhere").trained()


def test_the_archives_of_imagenet_are_unpacked_where_the_message_wants_them(
    train: Train, archives: Path
) -> None:
    words, message = [*WORDS, "data=imagenet"], ""
    for part in ("train", "val"):
        told = re.search(r"fetch (.*) from \S+ .* put them into (\S+)\.", message := train(*words).refusal())
        assert told, message
        assert f"there is no folder data/{part}" in message
        Path(told[2]).mkdir(exist_ok=True)
        for name in told[1].split(" and "):
            shutil.move(archives / name, told[2])
    train(*words).trained()
