"""A folder of photos without classes: everything but what compares labels."""

import warnings
from pathlib import Path

import pytest

from cl_lightning.evaluate import main as cl_eval
from cl_lightning.train import train
from tests.data.photos import write_photos
from tests.small import SMALL, config

pytestmark = pytest.mark.filterwarnings(r"ignore:.*isinstance\(treespec, LeafSpec\):FutureWarning")
FOLDER = [option for option in SMALL if not option.startswith("data")]
FOLDER += ["data=image_folder", "data.size=8", "data.batch_size=8", "data.num_workers=0", "views.blur=0.0"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cl_lightning.runs.cpu.quicken_cpu", lambda: None)  # denormals of other tests
    return write_photos(
        tmp_path / "my photos", *(f"Ω {n % 3}/{n}.png" for n in range(12)), "beside.png", "猫.png"
    )


def test_knn_is_left_out_and_that_is_said_once(root: Path) -> None:
    run = config(
        *FOLDER, f"data.root={root}", "data.val_fraction=0.2", "data.labels=false", "trainer.max_epochs=2"
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        summary = train(run)
    assert [str(w.message) for w in told if "kNN" in str(w.message)] == [
        "kNN accuracy is left out: not every image has a label"
    ]
    assert summary["knn_top1"] is None
    assert summary["alignment"] is not None
    (folder,) = Path("runs").iterdir()
    with pytest.raises(
        SystemExit, match=r"not every image of its data has a label; accepted: labelled data\.t"
    ):
        cl_eval([str(folder)])


@pytest.mark.usefixtures("with_pictures")
def test_a_broken_first_photo_is_replaced_in_training_and_pictures(root: Path) -> None:
    (root / "beside.png").write_bytes(b"")
    every_photo = ["data.labels=false", "data.val=null", "data.batch_size=7"]
    run = config(*FOLDER, f"data.root={root}", *every_photo, "data.max_broken=1")
    with (
        pytest.warns(UserWarning, match=r"cannot read the image .*beside\.png"),
        pytest.warns(UserWarning, match=r"kNN accuracy is left out: there are no validation images"),
    ):
        train(run)
    (folder,) = Path("runs").iterdir()
    assert "train/broken_files" in (folder / "metrics.csv").read_text().splitlines()[0]
    assert (folder / "plots" / "pairs.png").is_file()
