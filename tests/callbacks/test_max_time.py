"""A start that has had its time ends as by a signal: after a step, saved, to go on with the next."""

from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from cl_lightning.callbacks import KNNMonitor, LastCheckpoint, Preemption
from cl_lightning.callbacks import preemption as module
from cl_lightning.interruption import OutOfTime, StopRun
from tests import small
from tests.interruption.slurm import in_job, stand_in
from tests.resume.signal_at import SignalAt

NO_TIME = {"seconds": 1e-6}  # over after the first step


def start(folder: Path, max_time: Any, *callbacks: Callback, **settings: Any) -> Trainer:
    """A start of a run of three epochs of four batches, or what is left of it."""
    both = [LastCheckpoint(folder, every_n_epochs=None), Preemption(max_time=max_time)]
    settings = {"max_epochs": 3} | settings
    trainer = small.trainer(*callbacks, *both, enable_checkpointing=True, **settings)
    file = folder / "last.ckpt"
    trainer.fit(small.simclr(), small.data(), ckpt_path=file if file.is_file() else None, weights_only=True)
    return trainer


def saved(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "last.ckpt", weights_only=True)


def test_each_start_has_its_time_and_the_run_ends_with_the_bits_of_one_that_nothing_happened_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = []
    for _ in range(20):
        try:
            trainer = start(tmp_path / "cut", NO_TIME)
            break
        except OutOfTime:
            steps.append(saved(tmp_path / "cut")["global_step"])
    assert steps == list(range(1, 12))  # after each step; the last ends the run
    assert trainer.global_step == 12
    assert (
        capsys.readouterr().err.count("trainer.max_time is over (0:00:00.000001) after 4 steps: saved in ")
        == 1
    )
    whole = start(tmp_path / "whole", None)
    pairs = zip(small.weights(trainer.lightning_module), small.weights(whole.lightning_module), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_run_that_is_through_by_then_ends_as_ever(tmp_path: Path) -> None:
    assert start(tmp_path / "long", "00:10:00:00").global_step == 12
    assert start(tmp_path / "last", NO_TIME, max_epochs=1, limit_train_batches=1).global_step == 1
    assert start(tmp_path / "steps", NO_TIME, max_steps=1).global_step == 1


def test_an_accumulation_is_finished_first(tmp_path: Path) -> None:
    with pytest.raises(OutOfTime):
        start(tmp_path, NO_TIME, accumulate_grad_batches=2)
    assert saved(tmp_path)["loops"]["fit_loop"]["epoch_loop.batch_progress"]["current"]["ready"] == 2


def test_it_waits_for_the_end_of_an_evaluation(tmp_path: Path) -> None:
    evaluated = []

    class Evaluated(Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            evaluated.append(trainer.global_step)

    with pytest.raises(OutOfTime):
        start(tmp_path, NO_TIME, Evaluated(), KNNMonitor(k=4), limit_val_batches=1.0, limit_train_batches=1)
    assert evaluated == [saved(tmp_path)["global_step"]] == [1]


def test_nothing_is_requeued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slurm").mkdir()
    in_job(monkeypatch, tmp_path / "slurm", SLURM_JOB_ID="17", SLURM_JOB_NAME="bash")
    asked = stand_in(tmp_path / "slurm")
    with pytest.raises(OutOfTime):
        start(tmp_path, NO_TIME)
    assert not asked.exists()


def test_a_signal_that_comes_with_it_wins(tmp_path: Path) -> None:
    with pytest.raises(StopRun) as stop:
        start(tmp_path, NO_TIME, SignalAt(SIGTERM, step=0))
    assert stop.value.code == 128 + SIGTERM


def test_all_processes_end_where_the_time_of_one_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    def largest(mine: int) -> int:
        told.append(mine)
        return 1 if len(told) == 3 else 0

    monkeypatch.setattr(module, "largest", largest)
    with pytest.raises(OutOfTime):
        start(tmp_path, "00:10:00:00")
    assert (told, saved(tmp_path)["global_step"]) == ([0, 0, 0], 3)


def test_the_signals_are_whose_they_were_and_the_next_fit_in_this_process_is_answered(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(OutOfTime):
            start(tmp_path, NO_TIME)
    with pytest.raises(StopRun) as stop:
        start(tmp_path, None, SignalAt(SIGTERM, step=3))
    assert stop.value.code == 128 + SIGTERM


def test_without_a_checkpoint_to_save_it_is_refused(tmp_path: Path) -> None:
    trainer = small.trainer(Preemption(max_time=NO_TIME), enable_checkpointing=True)
    with pytest.raises(ValueError, match=r"trainer\.max_time .* callbacks\.checkpoint"):
        trainer.fit(small.simclr(), small.data())
    assert trainer.global_step == 0


def test_a_save_that_fails_is_an_error_and_no_interruption(tmp_path: Path) -> None:
    from cl_lightning.checkpoints import BackgroundCheckpointIO

    (tmp_path / "file").write_text("no folder")
    with pytest.raises(ValueError, match="not saved"):
        start(tmp_path / "file", NO_TIME, plugins=[BackgroundCheckpointIO()])
