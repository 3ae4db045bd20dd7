"""Which photos are held out: decided by each one's own path."""

import itertools
import os
import re
import unicodedata
from pathlib import Path

import pytest

from cl_lightning.data import image_folder
from cl_lightning.data.photos.held_out import share
from tests.data.photos import write_photos

NAMES = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(12)]


def held_out(root: Path, fraction: float = 0.3) -> set[str]:
    return {str(Path(path).relative_to(root)) for path in image_folder(root, "val", fraction).paths}


def test_a_new_photo_moves_no_old_one_to_the_other_side(tmp_path: Path) -> None:
    before = held_out(write_photos(tmp_path, *NAMES))
    for new in ("cat/0 new.png", "cat/zz.png", "ant/1.png", "owl/1.png"):
        write_photos(tmp_path, new)
        assert held_out(tmp_path) - {new} == before


def test_a_photo_less_moves_no_other_to_the_other_side(tmp_path: Path) -> None:
    before = held_out(write_photos(tmp_path, *NAMES))
    for gone in NAMES[:8]:
        (tmp_path / gone).unlink()
    assert held_out(tmp_path) == before - set(NAMES[:8])


def test_the_folder_may_lie_anywhere_and_be_named_anyhow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = held_out(write_photos(tmp_path / "a", *NAMES))
    assert held_out(write_photos(tmp_path / "b" / "c", *NAMES)) == expected
    monkeypatch.chdir(tmp_path / "a")
    for root in (".", "../a/"):
        assert {os.path.relpath(path) for path in image_folder(root, "val", 0.3).paths} == expected
    write_photos(tmp_path / "with train", *(f"train/{name}" for name in NAMES))
    assert held_out(tmp_path / "with train") == {f"train/{name}" for name in expected}


def test_a_larger_share_holds_out_the_same_photos_and_more(tmp_path: Path) -> None:
    write_photos(tmp_path, *NAMES)
    parts = [held_out(tmp_path, fraction) for fraction in (0.1, 0.3, 0.5, 0.9)]
    assert all(less < more for less, more in itertools.pairwise(parts))


def test_the_share_is_about_what_was_asked_for() -> None:
    shares = [share(f"class {n % 7}/{n}.jpg") for n in range(5000)]
    for fraction in (0.02, 0.1, 0.5):
        assert sum(s < fraction for s in shares) / 5000 == pytest.approx(fraction, rel=0.15)


def test_the_sides_are_the_same_in_every_version_and_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share("cat/1.jpg") == 0.387848362237434
    assert share("caf\udce9.jpg") == 0.5954975034897472  # bytes that are no UTF-8
    for form in ("NFC", "NFD"):
        assert share(unicodedata.normalize(form, "cat/é.jpg")) == 0.49817904321238493
    monkeypatch.setattr("os.sep", "\\")
    assert share("cat\\1.jpg") == 0.387848362237434


@pytest.mark.parametrize(("fraction", "which"), [(0.001, "none"), (0.999, "all")])
def test_an_empty_part_is_refused_and_what_is_advised_fills_it(
    tmp_path: Path, fraction: float, which: str
) -> None:
    write_photos(tmp_path, *(f"{number}.png" for number in range(8)))
    for split in ("train", "val"):
        with pytest.raises(
            ValueError, match=rf"val_fraction={fraction} holds out {which} of the 8"
        ) as caught:
            image_folder(tmp_path, split, fraction)
    advised = re.search(r"accepted: data\.val_fraction=([\d.]+) to ([\d.]+),", str(caught.value))
    assert advised is not None
    for number in map(float, advised.groups()):
        parts = [len(image_folder(tmp_path, split, number)) for split in ("train", "val")]
        assert min(parts) >= 1
        assert sum(parts) == 8
