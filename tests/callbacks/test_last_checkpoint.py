"""Checkpoints are saved as often as asked for, and only where a resumed run goes on exactly."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping

from cl_lightning.callbacks import KNNMonitor, LastCheckpoint
from tests import small


class Recorded(LastCheckpoint):
    """Notes the steps that were saved."""

    steps: list[int]

    def save(self, trainer: Any) -> Path:
        before = self._saved_step
        file = super().save(trainer)
        self.steps = [
            *getattr(self, "steps", []),
            *([self._saved_step] if self._saved_step != before else []),
        ]
        return file


def saved(tmp_path: Path, trainer: dict[str, Any] | None = None, **intervals: Any) -> list[int]:
    """Steps that a run of three epochs of four batches saves."""
    callback = Recorded(tmp_path, **intervals)
    settings = {"max_epochs": 3, **(trainer or {})}
    small.trainer(callback, KNNMonitor(k=4), enable_checkpointing=True, **settings).fit(
        small.simclr(), small.data()
    )
    last = torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"]
    assert last == callback.steps[-1]
    return callback.steps


def test_by_default_the_end_of_each_epoch_is_saved(tmp_path: Path) -> None:
    assert saved(tmp_path) == [4, 8, 12]


def test_epochs_are_counted_from_the_start(tmp_path: Path) -> None:
    assert saved(tmp_path, every_n_epochs=2) == [8, 12]


def test_without_any_interval_the_end_of_training_is_saved(tmp_path: Path) -> None:
    assert saved(tmp_path, every_n_epochs=None) == [12]


def test_steps_fall_due_within_epochs(tmp_path: Path) -> None:
    assert saved(tmp_path, every_n_epochs=None, every_n_steps=3) == [3, 6, 9, 12]


def test_steps_are_the_optimizers_and_no_save_is_inside_an_accumulation(tmp_path: Path) -> None:
    settings = {"accumulate_grad_batches": 2, "max_epochs": 4}
    assert saved(tmp_path, settings, every_n_epochs=None, every_n_steps=3) == [3, 6, 8]


def test_a_save_that_falls_due_before_an_evaluation_waits_for_the_next_step(tmp_path: Path) -> None:
    settings = {"val_check_interval": 2, "limit_val_batches": 1.0}
    assert saved(tmp_path, settings, every_n_epochs=None, every_n_steps=2) == [3, 4, 7, 8, 11, 12]


def test_time_falls_due_after_any_step(tmp_path: Path) -> None:
    assert saved(tmp_path, every_n_epochs=None, every_minutes=1e-9) == list(range(1, 13))
    assert saved(tmp_path, every_n_epochs=None, every_minutes=60.0) == [12]


def test_a_run_that_ends_inside_an_epoch_is_saved(tmp_path: Path) -> None:
    assert saved(tmp_path, {"max_steps": 6}) == [4, 6]


def test_the_last_step_of_a_run_waits_for_the_end_of_its_epoch(tmp_path: Path) -> None:
    assert saved(tmp_path, {"max_steps": 6}, every_n_steps=3) == [3, 4, 6]
    step = torch.load(tmp_path / "last.ckpt", weights_only=True)["loops"]["fit_loop"]["epoch_progress"]
    assert step["current"]["processed"] == 2


def test_a_run_that_was_to_stop_early_stops_when_it_is_resumed(tmp_path: Path) -> None:
    class Stops(EarlyStopping):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            trainer.should_stop = trainer.global_step == 8

    def steps(resume: Path | None = None) -> int:
        callbacks = (Stops("train/loss"), LastCheckpoint(tmp_path))
        trainer = small.trainer(*callbacks, enable_checkpointing=True, max_epochs=4)
        trainer.fit(small.simclr(), small.data(), ckpt_path=resume, weights_only=True)
        return trainer.global_step

    assert (steps(), steps(tmp_path / "last.ckpt")) == (8, 8)


def test_nothing_is_saved_after_an_error(tmp_path: Path) -> None:
    class Fails(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == 6:
                raise RuntimeError("broken")

    trainer = small.trainer(Fails(), LastCheckpoint(tmp_path), enable_checkpointing=True, max_epochs=3)
    with pytest.raises(RuntimeError, match="broken"):
        trainer.fit(small.simclr(), small.data())
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4


def test_a_trial_of_a_few_batches_saves_nothing(tmp_path: Path) -> None:
    trainer = small.trainer(
        LastCheckpoint(tmp_path), KNNMonitor(k=4), enable_checkpointing=True, fast_dev_run=2
    )
    trainer.fit(small.simclr(), small.data())
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_it_is_that_of_the_trainer(tmp_path: Path) -> None:
    trainer = small.trainer(LastCheckpoint(), enable_checkpointing=True, default_root_dir=tmp_path)
    trainer.fit(small.simclr(), small.data())
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every_n_epochs": 0}, "every_n_epochs is 0; accepted: a whole number from 1, null"),
        ({"every_n_steps": -1}, "every_n_steps is -1; accepted: a whole number from 1, null"),
        ({"every_minutes": 0.0}, "every_minutes is 0.0; accepted: more than 0, or null"),
        ({"every_minutes": float("nan")}, "every_minutes is nan; accepted: more than 0, or null"),
    ],
)
def test_an_interval_of_nothing_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"callbacks.checkpoint.{message}"):
        LastCheckpoint(**settings)
