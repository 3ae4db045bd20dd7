"""A loss by labels, with `data.positives` or without, from the config."""

from pathlib import Path
from typing import Any

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.train import train
from tests.data.photos import write_photos
from tests.small import SMALL, config

SMALL_FOLDER = [
    *(o for o in SMALL if not o.startswith("data")),
    *("data=image_folder", "data.size=8", "data.batch_size=8", "data.num_workers=0", "loss=sup_con"),
]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_photos(tmp_path / "photos", *(f"p{n % 3}_{n}.png" for n in range(16)))


def run(photos: Path, *overrides: str) -> dict[str, Any]:
    return config(*SMALL_FOLDER, f"data.root={photos}", "data.val=null", "callbacks.knn=null", *overrides)


def test_photos_without_classes_train_by_paths(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(run(photos, "data.positives='(p[0-9])_'"))["steps"] == 2
    assert "3 groups by path, of 16 training images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("data.labels=null", r"^loss=sup_con makes positives .* accepted: data\.positives, "),
        ("data.positives='x9'", r"^data\.positives is 'x9', which matches no path of data\.train"),
        ("data.positives='p('", r"data\.positives is 'p\(', which is no regular expression"),
        ("data.positives=5", r"^data\.positives is 5; accepted: "),
    ],
)
def test_what_gives_no_positives_is_refused_and_nothing_is_written(
    photos: Path, wrong: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        train(run(photos, wrong))
    assert list(photos.parent.iterdir()) == [photos]
