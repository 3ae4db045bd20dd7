"""StartReport: the numbers of a run that is about to start."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from cl_lightning.callbacks import NegativeQueue, StartReport
from cl_lightning.callbacks.momentum_encoder import half_life
from cl_lightning.callbacks.start_report import effective_batch, start_report
from cl_lightning.data import ContrastiveData, image_folder
from cl_lightning.optim import WarmupCosine
from tests import small
from tests.data.photos import write_photos


class Report(Callback):
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.lines = start_report(trainer, pl_module)


def report(method: Any, *callbacks: Any, data: Any = None, **settings: Any) -> dict[str, str]:
    kept = Report()
    small.trainer(*callbacks, kept, **settings).fit(method, datamodule=data or small.data())
    return kept.lines


def test_a_simclr_run_in_numbers() -> None:
    method = small.simclr()
    lines = report(method, data=small.data(images=70), max_epochs=2)
    assert lines == {
        "training images": "synthetic train: 70 images 3x8x8, 4 classes",
        "validation images": "synthetic val: 32 images 3x8x8, 4 classes",
        "effective batch": "16 images",
        "learning rate": "0.1 at its peak",
        "steps": "8, 4 an epoch",
        "left out of an epoch": "6 of 70 images",
        "negatives of a query": "30, both views of the other images in the batch",
        "parameters": f"{sum(w.numel() for w in small.weights(method)):,} trained",
    }


def test_accumulated_batches_count_once_a_step() -> None:
    lines = report(small.simclr(), data=small.data(images=90), max_epochs=3, accumulate_grad_batches=2)
    assert lines["effective batch"] == "32 images = 16 x 2 accumulated"
    assert lines["steps"] == "6, 2 an epoch"
    assert lines["left out of an epoch"] == "26 of 90 images"
    assert lines["negatives of a query"].startswith("30,")


def test_a_limit_of_steps_or_batches_is_counted() -> None:
    assert report(small.simclr(), max_epochs=3, max_steps=5)["steps"] == "5, 4 an epoch"
    limited = report(small.simclr(), max_epochs=2, limit_train_batches=3)
    assert limited["steps"] == "6, 3 an epoch"
    assert limited["left out of an epoch"] == "16 of 64 images"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("none", "0.1 at its peak"),
        ("linear", "0.0125 = 0.1 x 32 / 256 at its peak"),
        ("sqrt", "0.0353553 = 0.1 x sqrt(32 / 256) at its peak"),
    ],
)
def test_the_learning_rate_follows_the_effective_batch(rule: Any, text: str) -> None:
    method = small.simclr()
    method.schedule = WarmupCosine(lr_scaling=rule)
    assert report(method, accumulate_grad_batches=2)["learning rate"] == text


@pytest.mark.parametrize(("symmetric", "steps"), [(False, "3"), (True, "1.5")])
def test_moco_counts_the_keys_of_the_queue(symmetric: bool, steps: str) -> None:
    lines = report(small.moco(symmetric=symmetric), *small.moco_callbacks(momentum=0.95, length=48))
    assert lines["negatives of a query"] == f"48, the keys of the last {steps} steps"
    assert lines["EMA half-life"] == "13.5 steps"


def test_a_momentum_that_grows_is_told() -> None:
    lines = report(small.moco(), *small.moco_callbacks(momentum=0.95, schedule="cosine"))
    assert lines["EMA half-life"] == "13.5 steps at first, longer later"


def test_several_devices_are_factors() -> None:
    assert effective_batch(256, 4, 1) == "256 images = 4 devices x 64"
    assert effective_batch(1024, 2, 8) == "8,192 images = 2 devices x 512 x 8 accumulated"


@pytest.mark.parametrize(("momentum", "steps"), [(0.0, 0.0), (0.5, 1.0), (0.999, 692.8), (1.0, float("inf"))])
def test_after_the_half_life_half_of_the_key_encoder_is_new(momentum: float, steps: float) -> None:
    assert half_life(momentum) == pytest.approx(steps, abs=0.05)
    if 0 < momentum < 1:
        assert momentum ** half_life(momentum) == pytest.approx(0.5)


def test_the_report_is_printed_in_two_columns(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = write_photos(tmp_path, *(f"train/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(8)))
    (root / "train" / "notes.txt").touch()
    photos = image_folder(root, val_fraction=0.3)
    small.trainer(StartReport()).fit(small.simclr(), datamodule=ContrastiveData(photos, batch_size=4))
    lines = capsys.readouterr().out.splitlines()
    (first, share, passed_over, *others) = lines
    assert first == f"  training images       {root}/train: {len(photos)} photos, 2 classes (cat, dog)"
    assert share.split()[:3] == [str(len(photos)), "of", "16"]
    assert passed_over.split()[-2:] == ["1", ".txt"]
    assert len(others) == 6
    columns = {line.index(value) for line, value in zip(others, ("4 ", "0.1 ", "2, "), strict=False)}
    assert columns == {share.index("1"), passed_over.index("passed")} == {24}


def test_a_run_too_short_to_fill_the_queue_says_so() -> None:
    assert NegativeQueue(1024).described(128, 8) == "1,024, the keys of the last 8 steps"
    assert NegativeQueue().described(64, 12) == (
        "65,536; the run makes 768 keys, the others stay the unit vectors of the start"
    )
