"""Photos whose paths match with the same text have one label in training, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from cl_lightning.data import ContrastiveData, image_folder, positives, synthetic
from tests.data.photos import write_photos

# Two patients in both classes, and a photo of none.
NAMES = [
    *("ill/p1_a.png", "ill/p1_b.png", "ill/p2_a.png"),
    *("well/other.png", "well/p1_c.png", "well/p2_b.png"),
]
PATIENT = r"p(\d+)_"
GROUPS = {"p1": 0, "p2": 1, "ot": -1}


@pytest.fixture
def photos(tmp_path: Path) -> Any:
    return image_folder(write_photos(tmp_path / "photos", *NAMES))


def data(photos: Any, positives: str | None, **settings: Any) -> ContrastiveData:
    return ContrastiveData(photos, photos_to_ask(photos), batch_size=2, positives=positives, **settings)


def photos_to_ask(photos: Any) -> Any:
    """Other photos, of the same classes."""
    root = photos.root.parent / "asked"
    return image_folder(write_photos(root, *(f"{name[:-4]}_q.png" for name in NAMES)))


def by_index(loader: Any) -> dict[int, int]:
    return {
        int(i): int(label) for batch in loader for i, label in zip(batch.index, batch.labels, strict=True)
    }


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("max_broken", [0, 1])
def test_training_batches_have_the_groups_and_the_bank_keeps_its_classes(
    photos: Any, workers: int, max_broken: int
) -> None:
    made = data(photos, PATIENT, num_workers=workers, max_broken=max_broken)
    trained = by_index(made.train_dataloader())
    assert trained == {i: GROUPS[Path(path).name[:2]] for i, path in enumerate(photos.paths)}
    asked, bank = (by_index(loader) for loader in made.val_dataloader())
    classes = dict(enumerate(int("well" in path) for path in photos.paths))
    assert asked == bank == classes
    made.teardown("fit")


def test_without_a_group_the_whole_match_counts_and_paths_begin_below_the_folder(photos: Any) -> None:
    numbers = by_index(data(photos, r"^(?:ill|well)/p\d").train_dataloader())
    assert [numbers[i] for i in range(6)] == [0, 0, 1, -1, 2, 3]
    folders = by_index(data(photos, "^([^/]+)/").train_dataloader())
    assert [folders[i] for i in range(6)] == [0, 0, 0, 1, 1, 1]


def test_a_group_that_takes_no_part_gives_no_label(photos: Any) -> None:
    numbers = by_index(data(photos, "(p1)|other").train_dataloader())
    assert [numbers[i] for i in range(6)] == [0, 0, -1, -1, 0, -1]


def test_accents_of_either_form_match(tmp_path: Path) -> None:
    names = [f"{kind}/{person}{n}.png" for kind in "ab" for person in ("Ren\u00e9", "Ole") for n in (1, 2)]
    made = ContrastiveData(
        image_folder(write_photos(tmp_path, *names)), batch_size=2, positives="(Rene\u0301|Ole)"
    )
    assert sorted(by_index(made.train_dataloader()).values()) == [0] * 4 + [1] * 4


def test_a_start_looks_at_each_path_once(photos: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, read = data(photos, PATIENT), []
    monkeypatch.setattr(positives, "composed", lambda path: read.append(path) or path)
    assert made.has_positives
    assert made.described()["positives"]
    first, again = (by_index(made.train_dataloader()) for _ in range(2))
    assert first == again
    assert len(read) == len(photos)


def test_the_start_tells_groups_and_images_without_one(photos: Any) -> None:
    made = data(photos, PATIENT)
    assert made.described()["positives"] == [
        "2 groups by path, of 5 training images; 1 images without a group"
    ]
    assert "positives" not in data(photos, None).described()


@pytest.mark.parametrize(
    "pattern",
    [
        "p(",  # none
        "x9",  # no match
        "[^/]+$",  # each its own
        "",  # all the same
    ],
)
def test_a_regular_expression_that_makes_no_groups_is_refused(photos: Any, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^data\.positives is '.*; accepted: "):
        assert data(photos, pattern).has_positives


def test_what_the_refusal_advises_groups_by_folder(photos: Any) -> None:
    with pytest.raises(ValueError, match="accepted: ") as refusal:
        assert data(photos, "x9").has_positives
    advised = str(refusal.value).split("data.positives='\"")[1].split("\"'")[0]
    assert data(photos, advised).has_positives


def test_a_set_without_paths_is_refused() -> None:
    with pytest.raises(ValueError, match=r"data\.positives is 'x', but data\.train is a TensorImages"):
        ContrastiveData(synthetic(images=8, size=8), batch_size=2, positives="x")
