"""After a signal the step ends, the run is saved, and the program ends with the signal's exit code."""

import os
import signal
from pathlib import Path
from signal import SIGINT, SIGTERM, SIGUSR1, SIGUSR2
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback

from cl_lightning.callbacks import KNNMonitor, LastCheckpoint, Preemption
from cl_lightning.callbacks.preemption import OWNER_SECONDS
from cl_lightning.checkpoints import BackgroundCheckpointIO
from cl_lightning.interruption import StopRun, stopping_at_once
from tests import small
from tests.interruption.slurm import in_job, stand_in
from tests.resume.signal_at import SignalAt


def stopped(folder: Path, *callbacks: Callback, **settings: Any) -> StopRun:
    """How a fit of three epochs of four batches ends."""
    both = [LastCheckpoint(folder), Preemption()]
    trainer = small.trainer(*callbacks, *both, enable_checkpointing=True, max_epochs=3, **settings)
    with pytest.raises(StopRun) as stop:
        trainer.fit(small.simclr(), small.data())
    return stop.value


def saved_step(folder: Path) -> int:
    return int(torch.load(folder / "last.ckpt", weights_only=True)["global_step"])


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `scontrol` was asked, in job 17 of a stand-in for SLURM."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    in_job(monkeypatch, folder, SLURM_JOB_ID="17", SLURM_JOB_NAME="bash")
    return stand_in(folder)


@pytest.mark.parametrize("number", [SIGUSR1, SIGUSR2])
def test_a_lead_time_signal_saves_the_step_and_requeues_once(
    number: signal.Signals, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stopped(tmp_path, SignalAt(number, step=5)).code == 128 + number
    assert saved_step(tmp_path) == 6
    assert asked.read_text() == "requeue 17\n"
    assert capsys.readouterr().err.endswith(
        f"{number.name} after 6 steps: saved in {tmp_path}/last.ckpt, from which the same command continues; "
        "SLURM job 17 is requeued\n"
    )


def test_each_interruption_requeues_once(asked: Path, tmp_path: Path) -> None:
    for _ in range(3):
        stopped(tmp_path, SignalAt(SIGUSR1, step=2), SignalAt(SIGUSR1, step=2))
    assert asked.read_text() == 3 * "requeue 17\n"


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_sigterm_and_ctrl_c_save_the_step_and_requeue_nothing(
    number: signal.Signals, asked: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert stopped(tmp_path, SignalAt(number, step=5)).code == 128 + number
    assert saved_step(tmp_path) == 6
    assert not asked.exists()
    told = capfd.readouterr().err
    assert told.endswith(
        f"{number.name} after 6 steps: saved in {tmp_path}/last.ckpt, from which the same command continues\n"
    )
    assert ("Ctrl-C again ends at once" in told) is (number is SIGINT)


def test_an_accumulation_is_finished_first(tmp_path: Path) -> None:
    stopped(tmp_path, SignalAt(SIGTERM, step=2), accumulate_grad_batches=2)
    assert saved_step(tmp_path) == 3


@pytest.mark.parametrize("in_evaluation", [False, True])
def test_a_signal_at_the_end_of_an_epoch_waits_for_the_evaluation(
    in_evaluation: bool, tmp_path: Path
) -> None:
    evaluated = []

    class Evaluated(Callback):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            evaluated.append(trainer.global_step)

    step = 4 if in_evaluation else 3
    stopped(
        tmp_path, SignalAt(SIGUSR1, step, in_evaluation), Evaluated(), KNNMonitor(k=4), limit_val_batches=1.0
    )
    assert evaluated == [saved_step(tmp_path)] == [4]


def test_without_a_checkpoint_callback_the_run_ends_and_says_that_nothing_is_saved(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = small.trainer(SignalAt(SIGUSR1, step=1), Preemption(), enable_checkpointing=True)
    with pytest.raises(StopRun):
        trainer.fit(small.simclr(), small.data())
    assert capsys.readouterr().err.endswith(
        "after 2 steps: nothing is saved, and nothing requeued, since the run has no callbacks.checkpoint\n"
    )
    assert not asked.exists()


def test_a_save_that_fails_is_told_and_nothing_is_requeued(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    both = [LastCheckpoint(tmp_path / "file"), Preemption()]
    trainer = small.trainer(
        SignalAt(SIGUSR1, step=1), *both, enable_checkpointing=True, plugins=[BackgroundCheckpointIO()]
    )
    with pytest.raises(StopRun) as stop:
        trainer.fit(small.simclr(), small.data())
    assert stop.value.code == 128 + SIGUSR1
    assert "SIGUSR1 after 2 steps: not saved, and not requeued: " in capsys.readouterr().err
    assert not asked.exists()


def test_a_signal_after_the_save_changes_nothing(asked: Path, tmp_path: Path) -> None:
    with stopping_at_once(lambda stop: None):
        stopped(tmp_path, SignalAt(SIGUSR1, step=2))
        for number in (SIGTERM, SIGUSR1):
            os.kill(os.getpid(), number)
    assert asked.read_text() == "requeue 17\n"


def test_who_answered_the_signal_before_is_called_after_the_save(asked: Path, tmp_path: Path) -> None:
    """submitit's handler requeues by itself and ends the process."""
    seen = []

    def theirs(number: int, frame: Any) -> None:
        seen.append((number, saved_step(tmp_path)))
        raise SystemExit(-1)

    before = signal.signal(SIGUSR2, theirs)
    try:
        trainer = small.trainer(
            SignalAt(SIGUSR2, step=1), LastCheckpoint(tmp_path), Preemption(), enable_checkpointing=True
        )
        with pytest.raises(SystemExit) as stop:
            trainer.fit(small.simclr(), small.data())
    finally:
        signal.signal(SIGUSR2, before)
    assert (stop.value.code, seen) == (-1, [(SIGUSR2, 2)])
    assert not asked.exists()


def test_who_comes_back_from_it_gives_the_first_process_time_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """submitit's handler returns on all processes but the first."""
    waited: list[float] = []
    monkeypatch.setattr("cl_lightning.callbacks.preemption.time.sleep", waited.append)
    before = signal.signal(SIGUSR2, lambda number, frame: None)
    try:
        assert stopped(tmp_path, SignalAt(SIGUSR2, step=1)).code == 128 + SIGUSR2
    finally:
        signal.signal(SIGUSR2, before)
    assert waited == [OWNER_SECONDS]


def test_only_the_configured_signals_are_answered(tmp_path: Path) -> None:
    got = []
    before = signal.signal(SIGUSR2, lambda number, frame: got.append(number))
    try:
        trainer = small.trainer(
            SignalAt(SIGUSR2, step=1),
            LastCheckpoint(tmp_path),
            Preemption(["SIGUSR1"]),
            enable_checkpointing=True,
        )
        trainer.fit(small.simclr(), small.data())
    finally:
        signal.signal(SIGUSR2, before)
    assert (got, trainer.global_step) == ([SIGUSR2], 4)


def test_after_a_fit_the_signals_are_whose_they_were(tmp_path: Path) -> None:
    numbers = (SIGUSR1, SIGUSR2, SIGTERM, SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    small.trainer(LastCheckpoint(tmp_path), Preemption(), enable_checkpointing=True).fit(
        small.simclr(), small.data()
    )
    assert [signal.getsignal(number) for number in numbers] == before


def test_another_signal_is_refused() -> None:
    with pytest.raises(ValueError, match=r"signals has 'SIGHUP'; accepted: SIGUSR1, SIGUSR2"):
        Preemption(["SIGHUP"])
