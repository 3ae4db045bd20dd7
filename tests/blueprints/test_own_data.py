import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cl_lightning.blueprints import ConfigError, build

MODULE = '''
"""A user's module."""
from pathlib import Path
from typing import Any, Optional

from torch.utils.data import Dataset


class Photos(Dataset):
    def __init__(self, root: Path, sizes: list[int] = [], limit: "Optional[Unheard]" = None, odd: 5 = 5):
        self.given = root, sizes, limit, odd

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        return index


class Loader:
    def __len__(self) -> int:
        return 3


def photos(root: str) -> Photos:
    return Photos(Path(root))


def torch_set() -> "Dataset[int]":
    return Photos(Path("x"))


def anything(command: str):
    raise AssertionError("called")


def misnamed() -> "Unheard":
    raise AssertionError("called")


NUMBER = 5
'''


@pytest.fixture(autouse=True)
def _own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """own_photos.py in the working folder, which is not where Python looks for modules."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    (tmp_path / "own_photos.py").write_text(MODULE)
    (tmp_path / "own_broken.py").write_text("def photos(:\n")
    (tmp_path / "own_needy.py").write_text("import not_installed_at_all\n")
    yield
    for name in ("own_photos", "own_broken", "own_needy"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("key", ["data.train", "data.val", "data.bank"])
def test_a_class_of_the_working_folder_is_built(key: str) -> None:
    node = {"_target_": "own_photos.Photos", "root": "photos", "sizes": [1, 2], "limit": 4, "odd": "x"}
    built = build(node, key)
    assert len(built) == 3
    assert built.given == (Path("photos"), [1, 2], 4, "x")


@pytest.mark.parametrize("name", ["photos", "torch_set"])
def test_a_function_annotated_to_return_a_data_set_is_called(name: str) -> None:
    node = {"_target_": f"own_photos.{name}"} | ({"root": "photos"} if name == "photos" else {})
    assert len(build(node, "data.train")) == 3


def test_a_class_of_an_installed_package_is_built(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data\.train: Couldn't find any class folder"):
        build({"_target_": "torchvision.datasets.ImageFolder", "root": str(tmp_path)}, "data.train")


REFUSED = {
    "os.system": "os.system'; accepted: MODULE.NAME of a torch.utils.data.Dataset",
    "shelve.DbfilenameShelf": "accepted: MODULE.NAME of a torch.utils.data.Dataset",
    "builtins.list": "accepted: MODULE.NAME",
    "numpy.memmap": "numpy.memmap, which makes no data set",
    "Photos": "'Photos'; accepted: MODULE.NAME",
    "own_photos.": "own_photos., but own_photos has no ; accepted",
    "own_photos.Foto": "own_photos has no Foto; accepted: MODULE.NAME",
    "own_photos.anything": "own_photos.anything, which makes no data set; accepted: MODULE.NAME",
    "own_photos.misnamed": "which makes no data set",
    "own_photos.Loader": "which makes no data set",
    "own_photos.NUMBER": "which makes no data set",
    "own_photos.Path": "which makes no data set",
    "cl_lightning.blueprints.build": "which makes no data set",
    "torch.load": "which makes no data set",
    "own_fotos.Photos": r"importing own_fotos fails \(ModuleNotFoundError: No module named 'own_fotos'\)",
    "own_broken.photos": r"importing own_broken fails \(SyntaxError: .*own_broken.py, line 1\)\); a",
    "own_needy.photos": r"importing own_needy fails \(ModuleNotFoundError: No .* 'not_installed_at_all",
}


@pytest.mark.parametrize("target", REFUSED)
def test_whatever_makes_no_data_set_is_refused_in_one_line(target: str) -> None:
    with pytest.raises(ConfigError, match=rf"data\.train\._target_ is .*{REFUSED[target]}") as caught:
        build({"_target_": target, "command": "echo"}, "data.train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["data", "data.train.transform", "encoder", "data.trains", "logger.train"])
def test_own_code_is_for_data_sets_only(key: str) -> None:
    with pytest.raises(
        ConfigError, match=r"_target_ is 'own_photos.Photos'; accepted: .*cl_lightning\.allow"
    ):
        build({"_target_": "own_photos.Photos", "root": "x"}, key)


def test_wrong_arguments_of_own_code_are_told() -> None:
    with pytest.raises(ConfigError, match=r"data\.train\.rot is not an argument; accepted: root, sizes"):
        build({"_target_": "own_photos.Photos", "rot": "x"}, "data.train")
    with pytest.raises(ConfigError, match=r"data\.train\.sizes is 5; accepted: a list"):
        build({"_target_": "own_photos.Photos", "root": "x", "sizes": 5}, "data.train")
