"""The pictures of a run folder: what the model saw, and what lies near."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.data import ContrastiveData, TensorImages, image_folder, synthetic
from cl_lightning.pairs import digit_views, simclr_views
from cl_lightning.plots.plane import embed_in_plane
from cl_lightning.runs import RunFolder
from cl_lightning.runs import pictures as run_pictures
from tests import small


def drawn(picture: Any, row: int, columns: int) -> torch.Tensor:
    """Images of a row, [columns, channels, height, width]."""
    arrays = [torch.as_tensor(image.get_array()) for image in picture.axes[0].images]
    row_of = arrays[row * columns : (row + 1) * columns]
    return torch.stack([a.movedim(-1, 0) if a.ndim == 3 else a[None] for a in row_of])


@pytest.mark.parametrize("views", [simclr_views(8), digit_views(8, mean=(0.0,) * 3, std=(1.0,) * 3)])
def test_pairs_are_the_views_of_the_first_epoch(views: Any) -> None:
    train = synthetic("train", images=100, size=8)
    picture = run_pictures.pairs(train, views)
    index = torch.tensor([0, 14, 28, 42, 56, 70, 84, 99])
    torch.testing.assert_close(drawn(picture, 0, 8), train.images[index] / 255)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (views.mean, views.std))
    for row, view in enumerate(views(train.images[index], index, 0), start=1):
        torch.testing.assert_close(drawn(picture, row, 8), (view * std + mean).clamp(0, 1))


def photos(root: Path, *sizes: tuple[int, int]) -> Any:
    for place, size in enumerate(sizes):
        file = root / "train" / f"class{place % 2}" / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise(size, 80).convert("RGB").save(file)
    return image_folder(root, "train")


@pytest.mark.parametrize("sizes", [[(20, 30), (16, 16), (40, 20)], [(20, 20)] * 3])
def test_pairs_of_photos_are_cut_as_the_workers_cut_them(
    tmp_path: Path, sizes: list[tuple[int, int]]
) -> None:
    train, views = photos(tmp_path, *sizes), simclr_views(8)
    picture = run_pictures.pairs(train, views)
    crops = torch.stack([views.crop_pair(train[i][0], i, 0) for i in range(3)])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (views.mean, views.std))
    view_a, _ = views(crops, torch.arange(3), 0)
    torch.testing.assert_close(drawn(picture, 1, 3), (view_a * std + mean).clamp(0, 1))


def fitted(folder: RunFolder, data: Any, **settings: Any) -> Any:
    settings |= {"limit_val_batches": 1.0, "default_root_dir": folder.path}
    trainer = small.trainer(KNNMonitor(k=7), **settings)
    trainer.fit(small.simclr(), datamodule=data)
    return trainer


@pytest.mark.usefixtures("with_pictures")
def test_a_run_has_its_pictures(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    trainer = fitted(folder, small.data())
    head = "epoch,step,train/alignment,train/uniformity"
    folder.metrics.write_text(f"{head}\n0,3,1.5,-0.5\n", encoding="utf-8")
    files = run_pictures.write_pictures(folder, trainer)
    measured = {"alignment_uniformity", "curves", "map", "neighbours", "spectrum"}
    assert {file.stem for file in files} == {"pairs"} | measured
    assert {file.name for file in folder.plots.iterdir()} == {file.name for file in files}
    for file in files:
        with Image.open(file) as image:
            image.verify()


@pytest.mark.usefixtures("with_pictures")
def test_without_labels_or_numbers_neighbours_and_curves_are_left_out(tmp_path: Path) -> None:
    labelled, folder = small.data(), RunFolder(tmp_path)
    data = ContrastiveData(labelled.train, TensorImages(labelled.val.images), batch_size=16)
    with pytest.warns(UserWarning, match="kNN accuracy is left out"):
        trainer = fitted(folder, data)
    files = run_pictures.write_pictures(folder, trainer)
    assert [file.name for file in files] == ["pairs.png", "spectrum.png"]


def test_a_spectrum_is_of_the_first_and_last_epoch(tmp_path: Path) -> None:
    trainer = fitted(RunFolder(tmp_path), small.data(), max_epochs=3)
    health = next(c for c in trainer.callbacks if isinstance(c, HealthMonitor))
    assert {stage: list(epochs) for stage, epochs in health.spectra.items()} == {
        "train": [0, 2],
        "val": [0, 2],
    }
    for shares in (*health.spectra["train"].values(), *health.spectra["val"].values()):
        assert len(shares) == 8
        assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_neighbours_are_images_of_the_bank_and_of_the_validation_set() -> None:
    data = small.data()

    class Measured(KNNMonitor):
        def neighbours(self, queries: int, count: int) -> Any:
            return torch.tensor([3, 31]), torch.tensor([[5, 60], [0, 1]]), torch.ones(2, 2).bool()

    picture = run_pictures.neighbours(data, Measured())
    torch.testing.assert_close(drawn(picture, 0, 3)[0], data.val.images[3] / 255)
    torch.testing.assert_close(drawn(picture, 0, 3)[2], data.bank.images[60] / 255)
    torch.testing.assert_close(drawn(picture, 1, 3)[0], data.val.images[31] / 255)
    torch.testing.assert_close(drawn(picture, 1, 3)[1], data.bank.images[0] / 255)


def test_the_map_has_the_features_of_the_last_evaluation_under_their_classes(tmp_path: Path) -> None:
    data = small.data()
    data.bank.classes = ["a stripe", "another"]
    trainer = fitted(RunFolder(tmp_path), data)
    (knn,) = (c for c in trainer.callbacks if isinstance(c, KNNMonitor))
    features, labels = knn.validation_features()
    assert labels.tolist() == data.val.labels.tolist()
    clean = trainer.lightning_module.views.clean(data.val.images)
    expected = torch.nn.functional.normalize(trainer.lightning_module.eval().encoder.backbone(clean))
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=0)
    (axes,) = run_pictures.feature_map(data, knn).axes
    found = {part.get_label(): torch.tensor(part.get_offsets()) for part in axes.collections}
    assert list(found) == ["a stripe", "another", "2", "3"]
    points = torch.tensor(embed_in_plane(features))
    torch.testing.assert_close(found["another"], points[labels == 1])


def test_features_that_are_not_finite_have_no_map() -> None:
    class Measured(KNNMonitor):
        def validation_features(self) -> Any:
            return torch.full((3, 2), torch.nan), torch.zeros(3, dtype=torch.int64)

    assert run_pictures.feature_map(small.data(), Measured()) is None
