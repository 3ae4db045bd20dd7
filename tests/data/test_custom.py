"""A user's own Dataset, from the command line."""

import json
from pathlib import Path

import pytest

from cl_lightning.evaluate import main as cl_eval
from tests.cli.command import MODULE, SMALL, cl_train

OWN = """
import numpy as np


from torch.utils.data import Dataset


class Squares(Dataset):
    def __init__(self, root: str, images: int = 20, labelled: bool = True) -> None:
        self.level, self.labelled = int(open(f"{root}/level.txt").read()), labelled
        self.images = images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        image = np.full((10, 9, 3), self.level, dtype=np.uint8)
        image[: 1 + index % 8] = 5 * index
        return (image, index % 2) if self.labelled else image
"""
CUSTOM = [option for option in SMALL if not option.startswith("data")]
CUSTOM += ["data=custom", "data.size=8", "data.batch_size=10", "trainer=cpu", "views.blur=0.0"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own_squares.py").write_text(OWN)
    (tmp_path / "squares").mkdir()
    (tmp_path / "squares" / "level.txt").write_text("200")
    return tmp_path


def summary(folder: Path) -> dict:
    (file,) = folder.glob("runs/*/summary.json")
    return json.loads(file.read_text())


def test_an_own_dataset_trains_and_is_evaluated(folder: Path) -> None:
    train = ["data.train._target_=own_squares.Squares", "+data.train.root=squares"]
    val = ["+data.val._target_=own_squares.Squares", "+data.val.root=squares", "+data.val.images=6"]
    ran = cl_train(folder, *CUSTOM, *train, *val, "data.num_workers=1")
    assert ran.returncode == 0, ran.stderr
    assert summary(folder)["steps"] == 2
    assert 0 <= summary(folder)["knn_top1"] <= 1
    assert summary(folder)["dataset"] == "custom"


def test_without_validation_images_and_labels_nothing_is_compared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = [
        "data.train._target_=own_squares.Squares",
        "+data.train.root=squares",
        "+data.train.labelled=false",
    ]
    ran = cl_train(folder, *CUSTOM, *train, "data.num_workers=0", command=MODULE)
    assert ran.returncode == 0, ran.stderr
    told = [line for line in ran.stderr.splitlines() if "arning" in line]
    assert told == ["warning: kNN accuracy is left out: there are no validation images (data.val)"]
    assert summary(folder)["knn_top1"] is None
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit, match=r"has no validation images; accepted: a run with data\.val"):
        cl_eval([str(next(folder.glob("runs/*")))])
