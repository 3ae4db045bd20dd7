"""RunProgress: one line on a terminal, a line now and then elsewhere."""

import fcntl
import io
import os
import re
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from cl_lightning.callbacks import KNNMonitor, RunProgress, Throughput
from tests import small
from tests.resume.saving import SaveAfter


class Terminal:
    """Stands for sys.stderr: a pseudo-terminal of this size, and all that was written to it."""

    def __init__(self, lines: int, columns: int) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen = os.fdopen(slave, "w", encoding="utf-8")
        self.text = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        try:
            while part := os.read(self.master, 4096):
                self.text += part
        except OSError:  # how a pseudo-terminal ends
            pass

    def close(self) -> str:
        self.screen.close()
        self.reader.join(timeout=10)
        os.close(self.master)
        return self.text.decode().replace("\r\n", "\n")


@contextmanager
def written(monkeypatch: pytest.MonkeyPatch, stderr: Any) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        yield


def run(monkeypatch: pytest.MonkeyPatch, stderr: Any, *callbacks: Any, **settings: Any) -> Trainer:
    settings = {"enable_progress_bar": None, "limit_val_batches": 1.0, "max_epochs": 2} | settings
    trainer = small.trainer(*(callbacks or (bar(),)), Throughput(), KNNMonitor(k=7), **settings)
    with written(monkeypatch, stderr):
        trainer.fit(small.simclr(), datamodule=small.data())
    return trainer


def bar(**settings: Any) -> RunProgress:
    return RunProgress(**({"refresh_seconds": 0.0, "log_seconds": 0.0} | settings))


def lines_of(monkeypatch: pytest.MonkeyPatch, *callbacks: Any, **settings: Any) -> list[str]:
    file = io.StringIO()
    run(monkeypatch, file, *callbacks, **settings)
    text = file.getvalue()
    assert "\r" not in text
    assert text == "" or text.endswith("\n")
    return text.splitlines()


def test_a_terminal_has_one_line_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(24, 100)
    trainer = run(monkeypatch, terminal.screen)
    text = terminal.close()
    drawn = [line for line in text.removesuffix("\n").split("\r") if line]
    assert text.count("\n") == 1
    assert all(len(line) <= 100 for line in drawn)
    assert re.fullmatch(r"epoch 1/2 \|\s+\| 0/8, \? left *", drawn[0])
    knn = trainer.callback_metrics["val/knn_top1"].item()
    last = rf"epoch 2/2 \|█+\| 8/8, 00:00 left, loss \d\.\d\d\d, kNN {knn:.3f}, [\d,]+ images/s *"
    assert re.fullmatch(last, drawn[-1])
    steps = [int(re.search(r"(\d+)/8", line)[1]) for line in drawn]
    assert steps == sorted(steps)
    assert set(steps) == set(range(9))


@pytest.mark.parametrize("size", [(0, 0), (24, 0), (0, 80)])
def test_a_terminal_without_a_size_gets_lines(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    terminal = Terminal(*size)
    run(monkeypatch, terminal.screen)
    assert terminal.close().splitlines()[-1].startswith("epoch 2/2 100%, 8 of 8 steps")


def test_a_file_gets_whole_lines_for_the_first_step_and_the_last_one_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = lines_of(monkeypatch, bar(log_seconds=1000))
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2  12%, 1 of 8 steps")
    place = r"epoch 2/2 100%, 8 of 8 steps, \d\d:\d\d so far, 00:00 left"
    pattern = place + r", loss \d\.\d{3}, kNN \d\.\d{3}, [\d,]+ images/s"
    assert re.fullmatch(pattern, lines[1])


def test_a_file_gets_a_line_when_its_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(monkeypatch)
    assert [int(re.search(r"(\d+) of 8", line)[1]) for line in lines] == [1, 2, 3, 4, 5, 6, 7, 8, 8]


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        ({"accumulate_grad_batches": 2}, 4),
        ({"max_steps": 5}, 5),
        ({"max_epochs": 3, "limit_train_batches": 3}, 9),
    ],
)
def test_the_total_is_that_of_optimizer_steps(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], total: int
) -> None:
    assert f" {total} of {total} steps" in lines_of(monkeypatch, **settings)[-1]


def test_the_loss_shown_is_undivided_under_accumulation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Losses(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, *rest: Any) -> None:
            self.last = outputs["loss"].item()

    losses = Losses()
    line = lines_of(monkeypatch, bar(), losses, accumulate_grad_batches=2)[-1]
    assert f"loss {2 * losses.last:.3f}," in line


def test_the_time_left_counts_validation_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock where a training step takes 1 second and a validation, 6 steps, 36."""
    now = [0.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.setattr("cl_lightning.callbacks.progress.time", SimpleNamespace(time=lambda: now[0]))

    class Slow(Callback):
        def on_train_batch_start(self, *args: Any) -> None:
            now[0] += 1

        def on_validation_batch_start(self, *args: Any) -> None:
            now[0] += 6

    lines = lines_of(monkeypatch, bar(), Slow())
    assert "5 of 8 steps, 00:41 so far, 00:24 left" in lines[4]


def test_a_resumed_run_shows_all_steps_and_the_time_left_at_its_own_pace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a clock where a step takes 1 second after the interruption."""
    run(monkeypatch, io.StringIO(), SaveAfter(tmp_path, 3), enable_checkpointing=True)
    now, file = [1000.0], io.StringIO()
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.setattr("cl_lightning.callbacks.progress.time", SimpleNamespace(time=lambda: now[0]))

    class Steady(Callback):
        def on_train_batch_start(self, *args: Any) -> None:
            now[0] += 1

    trainer = small.trainer(bar(), Steady(), Throughput(), max_epochs=2, enable_progress_bar=None)
    with written(monkeypatch, file):
        trainer.fit(small.simclr(), small.data(), ckpt_path=tmp_path / "3.ckpt", weights_only=True)
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("epoch 1/2  50%, 4 of 8 steps, 00:01 so far, 00:04 left")
    assert lines[1].startswith("epoch 2/2  62%, 5 of 8 steps, 00:02 so far, 00:03 left")


def test_a_bar_is_drawn_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = run(monkeypatch, io.StringIO())
    assert isinstance(trainer.progress_bar_callback, RunProgress)
    assert not any(isinstance(callback, TQDMProgressBar) for callback in trainer.callbacks)


def test_a_disabled_bar_and_other_ranks_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    disabled = bar()
    disabled.disable()
    assert lines_of(monkeypatch, disabled) == []
    monkeypatch.setattr(Trainer, "is_global_zero", False)
    assert lines_of(monkeypatch, bar()) == []


def test_an_interrupted_run_closes_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Callback):
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == 3:
                raise RuntimeError("broken")

    terminal, progress = Terminal(24, 100), bar()
    with pytest.raises(RuntimeError, match="broken"):
        run(monkeypatch, terminal.screen, progress, Broken())
    text = terminal.close()
    assert text.endswith("\n")
    assert "3/8" in text.split("\r")[-1]


def test_an_error_before_training_needs_no_bar() -> None:
    progress = RunProgress()
    progress.on_exception(small.trainer(progress, enable_progress_bar=None), small.simclr(), RuntimeError())
