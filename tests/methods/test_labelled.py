"""SimCLR gives its loss the labels of the batch, where it takes any."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.utils.data import Dataset

from cl_lightning import SimCLR
from cl_lightning.callbacks import HealthMonitor
from cl_lightning.callbacks.start_report import start_report
from cl_lightning.data import ContrastiveData, TensorImages, image_folder, synthetic
from cl_lightning.losses import nt_xent, sup_con
from cl_lightning.methods.labelled import takes_labels
from tests import small
from tests.data.photos import write_photos

IMAGES = synthetic("train", images=32, size=small.SIZE).images
LABELS = torch.arange(32) % 5 - 1  # of some -1


class Kept(Callback):
    """Batches, outputs and the start report."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.lines = start_report(trainer, pl_module)

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
        self.steps.append((batch, outputs))


def fit(loss: Any, train: Any, *callbacks: Any, **settings: Any) -> Kept:
    kept = Kept()
    data = ContrastiveData(train, batch_size=16, **settings)
    small.trainer(kept, *callbacks).fit(small.simclr(loss=loss), datamodule=data)
    return kept


def test_each_loss_is_that_of_the_labels_of_the_batch() -> None:
    kept = fit(partial(sup_con, temperature=0.3), TensorImages(IMAGES, LABELS), HealthMonitor())
    assert len(kept.steps) == 2
    for batch, outputs in kept.steps:
        assert torch.equal(batch.labels, LABELS[batch.index])
        expected = sup_con(outputs["z_a"], outputs["z_b"], LABELS[batch.index], 0.3)
        assert outputs["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
        plain = nt_xent(outputs["z_a"], outputs["z_b"], 0.3)
        assert abs(outputs["loss"].item() - plain.item()) > 1e-3
    assert kept.lines["negatives of a query"].endswith(", those with its label not")


def test_without_two_of_a_label_it_is_simclr() -> None:
    labels = torch.where(torch.arange(32) % 2 == 0, torch.arange(32), -1)
    for batch, outputs in fit(sup_con, TensorImages(IMAGES, labels)).steps:
        assert len(batch.labels) == 16
        assert outputs["loss"].item() == pytest.approx(nt_xent(outputs["z_a"], outputs["z_b"]).item())


@pytest.mark.filterwarnings("ignore:.*isinstance:FutureWarning")
def test_patients_of_a_folder_are_positives(tmp_path: Path) -> None:
    names = [f"{kind}/p{patient}_{n}.png" for kind in "ab" for patient in range(4) for n in range(4)]
    photos = image_folder(write_photos(tmp_path, *names))
    kept = fit(sup_con, photos, positives="(p[0-9])_")
    patients = torch.tensor([int(Path(path).name[1]) for path in photos.paths])
    for batch, outputs in kept.steps:
        expected = sup_con(outputs["z_a"], outputs["z_b"], patients[batch.index])
        assert outputs["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    assert kept.lines["positives"] == "4 groups by path, of 32 training images"


class OfOnesOwn(Dataset[Any]):
    """One image in eight has a label, or none has."""

    def __init__(self, labelled: bool) -> None:
        self.labelled = labelled

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> Any:
        return IMAGES[index], 3 if self.labelled and index % 8 == 7 else -1


@pytest.mark.parametrize("train", [TensorImages(IMAGES), OfOnesOwn(labelled=False)])
def test_images_without_any_label_are_refused(train: Any) -> None:
    with pytest.raises(ValueError, match=r"^loss=sup_con .* no image .* has one; accepted: data\.positives"):
        fit(sup_con, train)


@pytest.mark.filterwarnings("ignore:.*isinstance:FutureWarning")
def test_a_few_labels_are_enough() -> None:
    assert len(fit(sup_con, OfOnesOwn(labelled=True)).steps) == 2


def test_positives_that_no_loss_takes_are_told(tmp_path: Path) -> None:
    names = [f"{kind}/p{n % 4}_{n}.png" for kind in "ab" for n in range(16)]
    photos = image_folder(write_photos(tmp_path, *names))
    with pytest.warns(UserWarning, match=r"data\.positives=p\[0-9\] has no effect"):
        fit(nt_xent, photos, positives="p[0-9]")


class Weighted(nn.Module):
    def forward(self, z_a: Tensor, z_b: Tensor, labels: Tensor) -> Tensor:
        return ((z_a - z_b).square().sum(1) * (labels >= 0)).mean()


def test_a_loss_of_ones_own_says_by_its_arguments_that_it_takes_labels() -> None:
    assert takes_labels(Weighted())
    assert takes_labels(partial(sup_con, temperature=0.3))
    assert not takes_labels(nt_xent)
    assert not takes_labels(partial(sup_con, labels=LABELS))
    for batch, outputs in fit(Weighted(), TensorImages(IMAGES, LABELS)).steps:
        z_a, z_b = outputs["z_a"], outputs["z_b"]
        assert outputs["loss"].item() == pytest.approx(Weighted()(z_a, z_b, batch.labels).item())


def test_a_fit_goes_on_with_the_same_positives_only(tmp_path: Path) -> None:
    names = [f"{kind}/p{n % 4}_{n}.png" for kind in "ab" for n in range(16)]
    photos = image_folder(write_photos(tmp_path / "photos", *names))

    def trained(positives: str | None, epochs: int, **resume: Any) -> Any:
        trainer = small.trainer(max_epochs=epochs)
        data = ContrastiveData(photos, batch_size=16, positives=positives)
        trainer.fit(small.simclr(loss=sup_con), datamodule=data, **resume)
        return trainer

    trained("p[0-9]", 1).save_checkpoint(file := tmp_path / "last.ckpt")
    resume = {"ckpt_path": file, "weights_only": True}
    for other in ("p[0-3]", None):
        with pytest.raises(ValueError, match=r"data\.positives: then 'p\[0-9\]', now"):
            trained(other, 2, **resume)
    assert trained("p[0-9]", 2, **resume).global_step == 4


def test_a_checkpoint_gives_the_loss_back(tmp_path: Path) -> None:
    method = small.simclr(loss=partial(sup_con, temperature=0.3))
    trainer = small.trainer()
    trainer.fit(method, ContrastiveData(TensorImages(IMAGES, LABELS), batch_size=16))
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    again = SimCLR.load_from_checkpoint(tmp_path / "x.ckpt")
    assert (again.loss.func, again.loss.keywords) == (sup_con, {"temperature": 0.3})
