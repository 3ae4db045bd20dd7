"""Checkpoints by step are kept as asked, once, and a run goes on from each of them."""

import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.callbacks import KNNMonitor, LastCheckpoint, Preemption
from cl_lightning.checkpoints.reading import last_good
from cl_lightning.interruption import StopRun
from tests import small
from tests.resume.signal_at import SignalAt


def kept(folder: Path) -> list[int]:
    """The steps in the kept files, which are those in their names."""
    steps = {file.name: torch.load(file, weights_only=True)["global_step"] for file in folder.glob("step-*")}
    assert all(name == f"step-{step:08}.ckpt" for name, step in steps.items())
    return sorted(steps.values())


def fit(folder: Path, resume: Path | None = None, method: Any = None, **given: Any) -> Any:
    """Three epochs of four batches."""
    ours = {name: given.pop(name) for name in list(given) if "every_n" in name}
    trainer = small.trainer(
        LastCheckpoint(folder, **ours),
        KNNMonitor(k=4),
        **{"enable_checkpointing": True, "max_epochs": 3} | given,
    )
    trainer.fit(method or small.simclr(), small.data(), ckpt_path=resume, weights_only=True)
    return trainer


@pytest.mark.parametrize(
    ("asked", "steps"),
    [
        ({}, []),
        ({"keep_every_n_steps": 3}, [3, 6, 9, 12]),
        ({"keep_every_n_steps": 5}, [5, 10]),
        ({"keep_every_n_epochs": 1}, [4, 8, 12]),
        ({"keep_every_n_epochs": 2, "keep_every_n_steps": 6}, [6, 8, 12]),
        ({"keep_every_n_steps": 5, "every_n_epochs": None}, [5, 10]),
        ({"keep_every_n_steps": 3, "accumulate_grad_batches": 2}, [3, 6]),
        ({"keep_every_n_epochs": 2, "max_steps": 6}, []),  # inside the second epoch
    ],
)
def test_those_that_are_asked_for_are_kept(asked: dict[str, Any], steps: list[int], tmp_path: Path) -> None:
    fit(tmp_path, **asked)
    assert kept(tmp_path) == steps
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] in (6, 12)


def test_before_an_evaluation_the_next_step_is_kept_and_that_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path, keep_every_n_steps=6, val_check_interval=2, limit_val_batches=1.0)
    assert kept(tmp_path) == [7, 12]
    told = capsys.readouterr().err
    assert "keep_every_n_steps=6: step 6 is kept as step-00000007.ckpt" in told
    assert told.count("is kept as") == 1


def test_a_resumed_run_keeps_no_checkpoint_twice_and_leaves_out_none(tmp_path: Path) -> None:
    fit(tmp_path, keep_every_n_steps=2, max_epochs=2)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.glob("step-*")}
    assert kept(tmp_path) == [2, 4, 6, 8]
    fit(tmp_path, tmp_path / "step-00000004.ckpt", keep_every_n_steps=2)  # as after a kill before step 6
    assert kept(tmp_path) == [2, 4, 6, 8, 10, 12]
    assert {file: file.stat().st_mtime_ns for file in before} == before


@pytest.mark.parametrize("preempted_first", [False, True])
def test_what_is_due_is_kept_when_a_signal_ends_the_run(preempted_first: bool, tmp_path: Path) -> None:
    saves = [LastCheckpoint(tmp_path, keep_every_n_steps=3), Preemption()]
    callbacks = [SignalAt(signal.SIGTERM, step=2), *(saves[::-1] if preempted_first else saves)]
    with pytest.raises(StopRun):
        small.trainer(*callbacks, enable_checkpointing=True).fit(small.simclr(), small.data())
    assert kept(tmp_path) == [3]


def test_a_run_goes_on_from_each_kept_checkpoint_with_the_same_bits(tmp_path: Path) -> None:
    method = small.simclr()
    fit(tmp_path, keep_every_n_steps=5, method=method)
    for step in (5, 10):
        again = small.simclr()
        fit(tmp_path / "again", tmp_path / f"step-{step:08}.ckpt", method=again)
        assert all(map(torch.equal, small.weights(method), small.weights(again))), step


def test_the_newest_good_checkpoint_is_still_the_last_one(tmp_path: Path) -> None:
    fit(tmp_path, keep_every_n_steps=3)
    assert last_good(tmp_path) == f"{tmp_path / 'last.ckpt'} (step 12)"
    (tmp_path / "last.ckpt").write_bytes(b"cut")
    assert last_good(tmp_path) == f"{tmp_path / 'step-00000012.ckpt'} (step 12)"


@pytest.mark.parametrize(("unit", "length"), [("steps", 12), ("epochs", 3)])
def test_an_interval_longer_than_the_run_has_no_effect_and_warns(
    unit: str, length: int, tmp_path: Path
) -> None:
    with pytest.warns(
        UserWarning, match=f"keep_every_n_{unit} is {length + 1}, more than the {length} {unit}"
    ):
        fit(tmp_path, **{f"keep_every_n_{unit}": length + 1})
    assert kept(tmp_path) == []


def test_a_checkpoint_of_another_run_in_the_same_folder_is_left_alone_and_told(tmp_path: Path) -> None:
    fit(tmp_path, keep_every_n_steps=6, max_epochs=2)
    before = (tmp_path / "step-00000006.ckpt").read_bytes()
    with pytest.warns(UserWarning, match=r"step-00000006\.ckpt is there already"):
        fit(tmp_path, keep_every_n_steps=6, method=small.simclr(optimizer=partial(torch.optim.SGD, lr=1e-3)))
    assert (tmp_path / "step-00000006.ckpt").read_bytes() == before
    assert kept(tmp_path) == [6, 12]


@pytest.mark.parametrize("name", ["keep_every_n_epochs", "keep_every_n_steps"])
def test_an_interval_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"callbacks.checkpoint.{name} is 0; accepted: a whole"):
        LastCheckpoint(**{name: 0})
