"""What is done and refused on systems that lack what Linux has."""

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.accelerators import MPSAccelerator as MPSAcceleratorOfFabric
from lightning.pytorch.accelerators import MPSAccelerator

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks import Preemption
from cl_lightning.data import ContrastiveData, image_folder
from cl_lightning.data.workers import worker
from cl_lightning.runs.checking.sizes import check_accelerator
from cl_lightning.sweeps import Job
from cl_lightning.sweeps.local import check_system
from cl_lightning.train import train
from tests import small, warm
from tests.cli.command import SMALL, environment
from tests.data.photos import write_photos
from tests.small import SMALL as TINY
from tests.small import config


def session(folder: Path, where: str, *commands: tuple[str, ...]) -> str:
    """What these commands say, one after the other; they must end well."""
    words = [word for command in commands for word in ("then", *command)][1:]
    ran = warm.run(
        [sys.executable, "-m", "tests.systems.session", where, *words],
        folder,
        environment(PYTHONPATH=str(warm.ROOT)),
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_windows_trains_evaluates_and_reports(tmp_path: Path) -> None:
    words = ("train", *SMALL, "trainer=cpu", "data.train.images=32")
    told = session(
        tmp_path, "windows", words, ("eval", "runs/*", "--labels", "--draws", "1"), ("report", "runs"), words
    )
    assert "1 run: 1 finished" in told
    assert "is finished" in told
    (trained,) = tmp_path.glob("runs/*/summary.json")
    summary = json.loads(trained.read_text(encoding="utf-8"))
    assert summary["steps"] == 2
    assert summary["peak_memory_mib"] is None
    assert {path.name for path in trained.parent.iterdir()} >= {"checkpoints", "evaluation-query.json"}


@pytest.mark.slow
def test_macos_trains_with_workers_that_it_starts_anew(tmp_path: Path) -> None:
    write_photos(
        tmp_path / "DIR",
        *(f"{part}/{kind}/{n}.png" for part in ("train", "val") for kind in "ab" for n in range(8)),
    )
    words = (
        "data=image_folder",
        "data.root=DIR",
        "data.num_workers=1",
        "encoder=small_conv_net",
        "trainer=cpu",
    )
    small = ("data.size=8", "data.batch_size=8", "trainer.max_epochs=2", "callbacks.knn.k=4")
    told = session(
        tmp_path,
        "macos",
        ("train", *words, *small),
        ("eval", "runs/*", "--labels", "--draws", "1"),
        ("report", "runs"),
    )
    assert "1 run: 1 finished" in told


@pytest.fixture
def photos(tmp_path: Path) -> Any:
    return image_folder(write_photos(tmp_path, *(f"{n}.png" for n in range(16))), labels=False)


def test_workers_are_refused_where_files_cannot_be_passed_on(
    photos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "send_fds")
    with pytest.raises(ValueError, match=r"^data\.num_workers=2; accepted.*: 0"):
        ContrastiveData(photos, batch_size=4, num_workers=2)
    assert len(list(ContrastiveData(photos, batch_size=4, num_workers=0).train_dataloader())) == 4


@pytest.mark.parametrize(
    ("words", "at_once", "key"),
    [((), True, "hydra.launcher"), (("trainer.devices=2",), False, "trainer.devices")],
)
def test_jobs_that_need_processes_are_refused_where_these_cannot_be_ended(
    words: tuple[str, ...], at_once: bool, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job(0, [], "", config=config(*SMALL, *words))]
    check_system(jobs, at_once)
    monkeypatch.delattr(os, "killpg")
    with pytest.raises(ConfigError, match=key):
        check_system(jobs, at_once)


def test_jobs_in_this_process_run_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "killpg")
    check_system([Job(0, [], "", config=config(*SMALL))], at_once=False)


def test_float64_is_refused_on_a_macs_gpu_and_float32_is_not() -> None:
    for device, precision in (("mps", 32), ("cpu", 64)):
        trainer = small.trainer(precision=precision)
        trainer.strategy._root_device = torch.device(device)
        check_accelerator(trainer)
    trainer.strategy._root_device = torch.device("mps")
    with pytest.raises(ConfigError, match=r"trainer\.precision"):
        check_accelerator(trainer)


@pytest.fixture
def _on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for kind in (MPSAccelerator, MPSAcceleratorOfFabric):
        monkeypatch.setattr(kind, "is_available", staticmethod(lambda: True))


@pytest.mark.usefixtures("_on_a_mac")
@pytest.mark.filterwarnings("ignore:GPU available but not used")
def test_a_run_in_float64_on_a_macs_gpu_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"trainer\.precision"):
        train(config(*TINY, "trainer.accelerator=auto", "trainer.precision=64"))
    assert list(tmp_path.iterdir()) == []


def test_signals_that_a_system_lacks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.name for one in Preemption().signals] == ["SIGUSR1", "SIGUSR2"]
    monkeypatch.delattr(signal, "SIGUSR2")
    assert [one.name for one in Preemption().signals] == ["SIGUSR1"]


def batches(photos: Any, num_workers: int) -> list[tuple[torch.Tensor, ...]]:
    data = ContrastiveData(photos, batch_size=4, num_workers=num_workers)
    try:
        loader = data.train_dataloader()
        return [*loader, *loader]
    finally:
        data.teardown("fit")


def test_files_that_macos_would_lose_stay_open_and_the_batches_are_the_same(
    photos: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "KEPT", worker.AHEAD)
    monkeypatch.setattr("cl_lightning.data.workers.shared_batch.SHARED_MEMORY", Path("/nowhere"))
    for batch, other in zip(batches(photos, 0), batches(photos, 2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, other, strict=True))
