"""What a data set may give as an item, from a loader to the pictures of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import ContrastiveData, image_and_label
from cl_lightning.train import train
from tests.small import SMALL, config

pytestmark = pytest.mark.filterwarnings(r"ignore:.*isinstance\(treespec, LeafSpec\):FutureWarning")
IMAGE = torch.arange(3 * 8 * 8).view(3, 8, 8).to(torch.uint8)
OWN = [option for option in SMALL if not option.startswith(("data.train", "data.val", "data="))]
OWN += ["data=custom", "data.num_workers=0", "views.blur=0.0"]


class Packed(Dataset[Any]):
    """Images in a tuple or list, with as many labels as asked for."""

    def __init__(self, kind: str, labels: int, images: int = 16) -> None:
        self.kind, self.labels, self.images = kind, labels, images

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> Any:
        return {"tuple": tuple, "list": list}[self.kind]([IMAGE, *[index % 2] * self.labels])


@pytest.mark.parametrize(
    ("item", "label"),
    [
        (IMAGE, -1),
        ((IMAGE,), -1),
        ([IMAGE], -1),
        ((IMAGE, 3), 3),
        ([IMAGE, 3], 3),
        ((IMAGE, None), -1),
        ((IMAGE, torch.tensor(3)), 3),
        ([IMAGE, np.int64(3)], 3),
        ((IMAGE, True), 1),
        ((IMAGE, np.bool_(True)), 1),
        ((IMAGE, torch.tensor(False)), 0),
        ((IMAGE, np.uint8(255)), 255),
        ((IMAGE, -7), -7),
        ((IMAGE, -(2**63)), -(2**63)),
        (next(iter(TensorDataset(IMAGE[None]))), -1),
        (next(iter(TensorDataset(IMAGE[None], torch.tensor([3])))), 3),
    ],
)
def test_an_image_comes_alone_or_with_its_label(item: Any, label: int) -> None:
    image, found = image_and_label(item)
    assert torch.equal(image, IMAGE)
    assert (found, type(found)) == (label, int)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ((IMAGE, 1, 2), r"a tuple of 3 as an item; accepted: an image, or \(image, label\)\. .*data\.train"),
        ([IMAGE, IMAGE, 1, 2], r"a list of 4 as an item; accepted: an image"),
        ((), r"a tuple of 0 as an item"),
        ({"image": IMAGE}, r"a dict as an image; accepted: a PIL image"),
        ((IMAGE, "cat"), r"'cat' as a label; accepted: a whole number of 64 bits, None or -1"),
        ((IMAGE, 2**63), r"9223372036854775808 as a label; accepted: a whole number of 64 bits"),
        ((IMAGE, np.array([3])), r"as a label; accepted: a whole number"),
        ((IMAGE, 1.5), r"1\.5 as a label; accepted: a whole number"),
    ],
)
def test_any_other_item_is_refused(item: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        image_and_label(item)


@pytest.mark.parametrize("kind", ["tuple", "list"])
def test_loaders_take_tuples_and_lists_alike(kind: str) -> None:
    for labels in (0, 1):
        (batch,) = ContrastiveData(Packed(kind, labels, images=4), batch_size=4).train_dataloader()
        assert torch.equal(batch.images, IMAGE.expand(4, -1, -1, -1))
        assert batch.labels.tolist() == [index % 2 if labels else -1 for index in batch.index.tolist()]


def run(kind: str, labels: int) -> dict[str, Any]:
    keys = ["._target_=tests.data.test_item.Packed", f".kind={kind}", f".labels={labels}"]
    sets = [f"++data.{part}{key}" for part in ("train", "val") for key in keys]
    return config(*OWN, *sets)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)  # denormals of other tests


@pytest.mark.usefixtures("with_pictures")
@pytest.mark.parametrize(("kind", "labels"), [("list", 1), ("tuple", 0)])
@pytest.mark.filterwarnings("ignore:kNN accuracy is left out")
def test_what_trains_has_its_pictures(kind: str, labels: int) -> None:
    summary = train(run(kind, labels))
    assert summary["steps"] == 2
    plots = {file.stem for file in Path("runs").glob("*/plots/*.png")}
    always = {"pairs", "curves", "spectrum", "alignment_uniformity"}
    assert plots == always | ({"neighbours", "map"} if labels else set())


def test_items_of_three_are_refused_before_anything_is_written() -> None:
    with pytest.raises(ConfigError, match=r"a tuple of 3 as an item; accepted: an image, or \(image, label"):
        train(run("tuple", 2))
    assert list(Path().iterdir()) == []
