"""A run goes on with the number of images that it began with, or not at all."""

from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.callbacks import KNNMonitor
from cl_lightning.data import ContrastiveData, synthetic
from tests import tiny

BEGAN = {"train": 32, "val": 12, "bank": 9}


def data(**changed: int | None) -> ContrastiveData:
    sets = {
        name: None if size is None else synthetic(images=size, size=tiny.SIZE)
        for name, size in (BEGAN | changed).items()
    }
    return ContrastiveData(**sets, batch_size=8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("run") / "last.ckpt"
    trainer = tiny.trainer()
    trainer.fit(tiny.simclr(), data())
    trainer.save_checkpoint(file)
    return file


def resume(file: Path, images: ContrastiveData) -> int:
    trainer = tiny.trainer(max_epochs=2)
    trainer.fit(tiny.simclr(), images, ckpt_path=file, weights_only=True)
    return trainer.global_step


@pytest.mark.parametrize(("name", "size"), [("train", 31), ("train", 33), ("val", 11), ("bank", 10)])
def test_another_number_of_images_is_refused_by_its_key(checkpoint: Path, name: str, size: int) -> None:
    message = (
        rf"data\.{name} holds {size} images, but the run of {checkpoint} began with {BEGAN[name]}; accepted: "
        r"the images that it began with, or a new run .* run\.root .* without ckpt_path\. Change "
        rf"data\.{name}\."
    )
    with pytest.raises(ValueError, match=message):
        resume(checkpoint, data(**{name: size}))


def test_the_same_numbers_go_on(checkpoint: Path) -> None:
    assert resume(checkpoint, data()) == 8


def test_a_set_that_only_one_of_both_has_is_no_other_number(checkpoint: Path) -> None:
    assert resume(checkpoint, data(bank=None)) == 8
    assert resume(checkpoint, data(val=None, bank=None)) == 8


def test_other_images_may_be_evaluated(checkpoint: Path) -> None:
    trainer = tiny.trainer(KNNMonitor(k=5), limit_val_batches=1.0)
    trainer.validate(tiny.simclr(), data(train=17, val=10), ckpt_path=checkpoint, weights_only=True)
    assert "val/alignment" in trainer.callback_metrics


def test_a_checkpoint_that_tells_no_numbers_goes_on(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    saved: dict[str, Any] = content["ContrastiveData"]
    assert saved.pop("images") == BEGAN
    torch.save(content, tmp_path / "old.ckpt")
    assert resume(tmp_path / "old.ckpt", data(train=35)) == 8


def test_it_is_refused_without_a_trainer_too(checkpoint: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)["ContrastiveData"]
    with pytest.raises(ValueError, match=r"data\.val holds 11 images"):
        data(val=11).load_state_dict(state)
