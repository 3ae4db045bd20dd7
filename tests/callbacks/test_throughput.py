"""Throughput: training alone is timed."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from cl_lightning.callbacks import KNNMonitor, Throughput, throughput
from cl_lightning.data import ContrastiveData
from tests import small
from tests.resume.saving import SaveAfter


def timed_run(
    monkeypatch: pytest.MonkeyPatch, *callbacks: Any, resume: Path | None = None, **settings: Any
) -> tuple[Throughput, Any]:
    """A run whose training steps take 2 seconds, and validation steps 100, on a clock of its own."""
    clock = SimpleNamespace(now=1000.0 if resume else 0.0)
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    method, callback = small.simclr(), Throughput()
    training_step, validation_step = method.training_step, method.validation_step

    def slow(step: Any, seconds: float) -> Any:
        def stepped(*args: Any) -> Any:
            clock.now += seconds
            return step(*args)

        return stepped

    method.training_step, method.validation_step = slow(training_step, 2), slow(validation_step, 100)
    trainer = small.trainer(callback, KNNMonitor(k=7), *callbacks, **({"limit_val_batches": 1.0} | settings))
    trainer.fit(method, datamodule=small.data(), ckpt_path=resume, weights_only=True)
    return callback, trainer


@pytest.mark.parametrize("settings", [{}, {"val_check_interval": 2}, {"accumulate_grad_batches": 2}])
def test_validation_is_no_part_of_an_epoch(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    callback, trainer = timed_run(monkeypatch, max_epochs=3, **settings)
    assert callback.seconds_per_epoch == 8  # 4 batches of 16
    assert callback.images_per_second == 8
    assert callback.images == 3 * 64
    assert trainer.callback_metrics["train/images_per_second"] == 8


class Slow(ContrastiveData):
    """Data that take their time, batch by batch."""

    wait: Any

    def train_dataloader(self) -> Any:
        loader, wait = super().train_dataloader(), self.wait

        class Waiting(type(loader)):  # type: ignore[misc]
            def __iter__(self) -> Any:
                for batch in super().__iter__():
                    wait()
                    yield batch

        loader.__class__ = Waiting
        return loader


@pytest.mark.parametrize("settings", [{}, {"val_check_interval": 2}])
def test_the_wait_for_data_is_its_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    method, callback = small.simclr(), Throughput()

    def timed(function: Any, seconds: float, *args: Any) -> Any:
        clock.now += seconds
        return function(*args)

    method.training_step = partial(timed, method.training_step, 3)
    method.validation_step = partial(timed, method.validation_step, 100)
    data = Slow(small.data().train, small.data().val, batch_size=16)
    data.wait = partial(timed, lambda: None, 1)
    trainer = small.trainer(callback, KNNMonitor(k=7), max_epochs=2, limit_val_batches=1.0, **settings)
    trainer.fit(method, datamodule=data)
    assert trainer.callback_metrics["train/data_wait"] == pytest.approx(0.25)
    assert callback.data_wait == pytest.approx(0.25)
    assert callback.seconds_per_epoch == 16


def test_an_epoch_cut_short_counts_as_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    callback, _ = timed_run(monkeypatch, max_epochs=3, max_steps=6)
    assert callback.epochs == 1.5
    assert callback.seconds_per_epoch == 8


@pytest.mark.parametrize("step", [3, 4])  # inside the first epoch, at its end
def test_a_resumed_run_is_measured_from_its_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: int
) -> None:
    timed_run(monkeypatch, SaveAfter(tmp_path, step), max_epochs=2, enable_checkpointing=True)
    callback, trainer = timed_run(monkeypatch, resume=tmp_path / f"{step}.ckpt", max_epochs=2)
    assert (callback.images, callback.seconds, callback.epochs) == (2 * 64, 2 * 8, 2)
    assert callback.seconds_per_epoch == callback.images_per_second == 8
    assert trainer.callback_metrics["train/images_per_second"] == 8


def test_a_second_fit_is_measured_anew() -> None:
    callback = Throughput()
    trainer = small.trainer(callback)
    trainer.fit(small.simclr(), datamodule=small.data())
    trainer.fit_loop.max_epochs = 2
    trainer.fit(small.simclr(), datamodule=small.data())
    assert callback.epochs == 1
    assert callback.images == 64
    assert 0 < callback.seconds_per_epoch < 60


def test_nothing_is_measured_before_a_run() -> None:
    new = Throughput()
    assert new.images_per_second == new.seconds_per_epoch == new.data_wait == 0


def test_peak_memory_is_that_of_this_process() -> None:
    peak = Throughput.peak_memory_mib(torch.device("cpu"))
    assert 50 < peak < 2**20
    block = torch.ones(int(peak) * 2**20 // 4 + 2**24)  # as much again, and 64 MiB
    assert Throughput.peak_memory_mib(torch.device("cpu")) > peak + 32
    del block
