"""A folder of photos that is mended as the message advises trains."""

import re
from pathlib import Path

import pytest

from tests.advice.cases import (
    BESIDE,
    TRAIN,
    VAL,
    Case,
    evaluated,
    files,
    move,
    not_evaluated,
    put,
    remove,
    take,
)
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import photos

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside


def both() -> None:
    photos(Path("photos"), "cat", "dog")


def empty_class() -> None:
    both()
    Path("photos/train/cow").mkdir()


def into_parts(told: "re.Match[str]") -> list[str]:
    """The last photo of each class to evaluate on, the others to train on."""
    for name in BESIDE:
        move((name, name.replace("photos", "photos/val" if name.endswith("5.png") else "photos/train")))(told)
    return ["data.val_fraction=null"]


LAYOUTS = {
    "no such folder: both parts": Case(
        both, "data.root=nowhere", "a data.root that holds train/CLASS", "data.root=photos", evaluated
    ),
    "no such folder: a share": Case(
        files(*BESIDE),
        "data.root=nowhere",
        "data.val_fraction",
        "data.root=photos data.val_fraction=0.5",
        evaluated,
    ),
    "nothing to train on: a part": Case(
        files(*VAL, *BESIDE),
        "",
        "both, with photos to train on",
        move(("photos/cat", "photos/train/cat"), ("photos/dog", "photos/train/dog")),
        evaluated,
    ),
    "nothing to train on: a share": Case(
        files(*(f"photos/val/{k}/{n}.png" for k in ("cat", "dog") for n in range(6))),
        "",
        r"(data\.root=\S+) with a (data\.val_fraction)",
        take("{1} {2}=0.5"),
        evaluated,
    ),
    "nothing to evaluate on: a share": Case(
        files(*BESIDE),
        "",
        "a data.val_fraction of the photos to hold out",
        "data.val_fraction=0.5",
        evaluated,
    ),
    "nothing to evaluate on: none": Case(files(*BESIDE), "", "data.val=null", "data.val=null", not_evaluated),
    "nothing to evaluate on: the test part by a link": Case(
        files(*TRAIN, *(name.replace("/val/", "/test/") for name in VAL)),
        "",
        r"or (\S+)/ renamed or linked as val/",
        lambda told: Path("photos/val").symlink_to(told[1]),
        evaluated,
    ),
    "a share that holds out none: one that does": Case(
        files(*BESIDE), "data.val_fraction=0.001", r"(data\.val_fraction=[\d.]+) to", take("{1}"), evaluated
    ),
    "a share that holds out all: one that does not": Case(
        files(*BESIDE),
        "data.val_fraction=0.999",
        r"(data\.val_fraction=[\d.]+) to [\d.]+",
        take("{1}"),
        evaluated,
    ),
    "a share that holds out none: a part": Case(
        files(*BESIDE),
        "data.val_fraction=0.001",
        "a folder val/ with photos to hold out, beside a folder train/",
        into_parts,
        evaluated,
    ),
    "no share: one": Case(
        files(*BESIDE), "data.val_fraction=2", "above 0 and below 1", "data.val_fraction=0.5", evaluated
    ),
    "a share and a part: the part": Case(
        both, "data.val_fraction=0.5", "data.val_fraction=null", "data.val_fraction=null", evaluated
    ),
    "a share and a part: the share": Case(
        files(*TRAIN, *VAL),
        "data.val_fraction=0.5 data.batch_size=2",
        r"data\.root=\S+",
        take("{0}"),
        evaluated,
    ),
    "two parts to train on": Case(
        files(*TRAIN, *VAL, *(name.replace("train", "Training") for name in TRAIN)),
        "",
        "Move the others out of data.root",
        move(("photos/Training", "elsewhere")),
        evaluated,
    ),
    "an empty class: filled": Case(empty_class, "", "Fill", put("photos/train/cow/0.png"), evaluated),
    "an empty class: removed": Case(
        empty_class, "", "remove empty folders", remove("photos/train/cow"), evaluated
    ),
    "no photos at all": Case(
        lambda: [Path("photos/train").mkdir(parents=True), files(*VAL)()],
        "",
        "at least one photo",
        put(*TRAIN),
        evaluated,
    ),
    "a class that the training images lack: the same classes": Case(
        files(*TRAIN, *VAL, "photos/val/cow/0.png"),
        "",
        "the same classes",
        remove("photos/val/cow"),
        evaluated,
    ),
    "a class that the training images lack: no labels": Case(
        files(*TRAIN, *VAL, "photos/val/cow/0.png"),
        "",
        "data.labels=false",
        "data.labels=false",
        not_evaluated,
    ),
    "labels of photos beside the classes: moved": Case(
        files(*TRAIN, *VAL, "photos/train/1.png"),
        "data.labels=true",
        r"for every photo",
        move(("photos/train/1.png", "photos/train/cat/100.png")),
        evaluated,
    ),
    "labels of photos beside the classes: none": Case(
        files(*TRAIN, *VAL, "photos/train/1.png"),
        "data.labels=true",
        "data.labels=false",
        "data.labels=false",
        not_evaluated,
    ),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_a_layout_that_is_mended_as_advised_trains(case: str, train: Train) -> None:
    LAYOUTS[case].carry_out(train)
