"""A setting of the data, or a Dataset, that is changed as the message advises trains."""

import re
from pathlib import Path

import pytest

from tests.advice.cases import NO_FOLDER, Case, evaluated, take
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import photos
from tests.cli.command import cl_train
from tests.docs.readme_world import make_cifar10

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
OWN = """
import torch
from torch.utils.data import IterableDataset, Dataset

class Own(Dataset):
    def __init__(self, kind="good", images=16):
        self.kind, self.images = kind, images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        image = torch.full((3, 12, 12), 7 * index, dtype=torch.uint8)
        image[:, : index % 8] = 200
        if self.kind == "float":
            return image / 255, 0
        if self.kind == "three":
            return image, 0, 0
        if self.kind == "label":
            return image, "cat"
        if self.kind == "sizes":
            return image[:, :8, : 8 + index // 8], 0
        if self.kind == "one_size":
            return image[:, :8, :8], 0
        if self.kind == "ends":
            raise StopIteration
        return image, index % 2

class Stream(IterableDataset):
    def __iter__(self):
        return iter([])
"""


def both() -> None:
    photos(Path("photos"), "cat", "dog")


def own() -> None:
    Path("own.py").write_text(OWN)


CUSTOM = "data=custom data.size=8 data.train._target_=own.Own callbacks.knn=null"
VIEWS = "views=digits ++views.mean=[0,0,0] ++views.std=[1,1,1]"
SETS = {
    **{
        f"an item that is none: {kind}": Case(
            own, f"{CUSTOM} ++data.train.kind={kind}", "data.train", "++data.train.kind=good", small=NO_FOLDER
        )
        for kind in ("float", "three", "label", "ends")
    },
    "a set without images": Case(
        own,
        f"{CUSTOM} ++data.train.images=0",
        "one or more. Change data.train",
        "++data.train.images=16",
        small=NO_FOLDER,
    ),
    "images of several sizes: views that cut": Case(
        own, f"{CUSTOM} ++data.train.kind=sizes {VIEWS}", "views=simclr", "views=simclr", small=NO_FOLDER
    ),
    "images of another size than the views: theirs": Case(
        own, f"{CUSTOM} {VIEWS}", r"change (views\.size)", take("{1}=12"), small=NO_FOLDER
    ),
    "images of another size than the views: views that cut": Case(
        own, f"{CUSTOM} {VIEWS}", "views=simclr", "views=simclr", small=NO_FOLDER
    ),
    "images of several sizes: one": Case(
        own,
        f"{CUSTOM} ++data.train.kind=sizes {VIEWS}",
        "images of one size",
        "++data.train.kind=one_size",
        small=NO_FOLDER,
    ),
    "a batch larger than the set": Case(
        both,
        "data.batch_size=100",
        r"(data\.batch_size)=100 .* accepted: 1 to (\d+)",
        take("{1}={2}"),
        evaluated,
    ),
    "a batch without negatives": Case(
        both, "data.batch_size=1", r"accepted: (\d+) or more", take("data.batch_size={1}"), evaluated
    ),
    "a batch that the processes cannot share": Case(
        both,
        "data.batch_size=3 trainer.devices=2",
        r"such as .*?(\d+)\. Change (data\.batch_size)",
        take("{2}={1} trainer.devices=1"),
        evaluated,
    ),
    "more accumulated than an epoch has": Case(
        both,
        "trainer.accumulate_grad_batches=9",
        r"accepted: at most (\d+)\. Change (trainer\.accumulate_grad_batches)",
        take("{2}={1}"),
        evaluated,
    ),
    "fewer batches than are accumulated": Case(
        both,
        "trainer.accumulate_grad_batches=2 trainer.limit_train_batches=1",
        r"trainer\.limit_train_batches or",
        "trainer.limit_train_batches=null",
        evaluated,
    ),
    "batches drawn again": Case(
        both, "trainer.overfit_batches=1", "accepted: 0", "trainer.overfit_batches=0", evaluated
    ),
    "a number of workers": Case(
        both, "data.num_workers=-1", "data.num_workers.*accepted: 0", "data.num_workers=0", evaluated
    ),
    "too many workers": Case(
        both, "data.num_workers=100000", "accepted: 0 to", "data.num_workers=0", evaluated
    ),
    "broken files below 0": Case(both, "data.max_broken=-1", "accepted: 0", "data.max_broken=0", evaluated),
    "images of other channels": Case(
        both,
        "encoder.backbone.channels=1",
        r"accepted: (\d)",
        take("encoder.backbone.channels={1}"),
        evaluated,
    ),
}


@pytest.mark.parametrize("case", SETS)
def test_a_setting_or_set_that_is_changed_as_advised_trains(case: str, train: Train) -> None:
    SETS[case].carry_out(train)


def test_a_set_without_a_length_trains_once_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own()
    words = [*NO_FOLDER, *CUSTOM.split()]
    refused = cl_train(tmp_path, *words, "data.train._target_=own.Stream")
    assert re.fullmatch(r"cl-train: data\.train is .*; accepted: .* __len__ .*\n", refused.stderr)
    trained = cl_train(tmp_path, *words)
    assert trained.returncode == 0, trained.stderr


CIFAR = "data=cifar10 data.root={} data.batch_size=8"
PREPARED = {
    "not there": Case(
        lambda: None, CIFAR.format("nowhere"), "into nowhere", "data.root=CIFAR", evaluated, NO_FOLDER
    ),
    "above its size: a number": Case(
        lambda: None,
        f"{CIFAR.format('CIFAR')} data.train.limit=99",
        r"accepted: 1 to (\d+) images",
        take("data.train.limit={1}"),
        evaluated,
        NO_FOLDER,
    ),
    "above its size: all": Case(
        lambda: None,
        f"{CIFAR.format('CIFAR')} data.train.limit=99",
        r"or null for all \((data\.train\.limit)",
        take("{1}=null"),
        evaluated,
        NO_FOLDER,
    ),
}


@pytest.mark.parametrize("case", PREPARED)
def test_a_known_set_trains_as_advised(case: str, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    make_cifar10(Path("CIFAR"), monkeypatch)
    PREPARED[case].carry_out(train)
