"""A thread writes what was copied; what goes wrong is raised once, by the next save or at the end."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from cl_lightning.checkpoints import AtomicCheckpointIO, BackgroundCheckpointIO
from tests import small


def state(value: float) -> dict[str, Any]:
    return {"state_dict": {"weight": torch.full((3,), value)}, "pytorch-lightning_version": "2.6.6"}


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Writers wait until it is set."""
    go_on, write = threading.Event(), AtomicCheckpointIO.save_checkpoint

    def waits(self: Any, *args: Any) -> None:
        assert go_on.wait(timeout=30)
        write(self, *args)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", waits)
    return go_on


def test_what_is_written_is_the_state_at_the_save(held: threading.Event, tmp_path: Path) -> None:
    plugin, saved = BackgroundCheckpointIO(), state(1.0)
    plugin.save_checkpoint(saved, tmp_path / "last.ckpt")
    saved["state_dict"]["weight"].fill_(2.0)  # the next step
    assert not (tmp_path / "last.ckpt").exists()
    held.set()
    plugin.teardown()
    loaded = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert torch.equal(loaded["state_dict"]["weight"], torch.ones(3))


def test_tensors_that_share_memory_are_written_once(tmp_path: Path) -> None:
    weight = torch.arange(6.0).view(2, 3)
    saved = {**state(1.0), "same": [weight, weight.T, torch.nn.Parameter(weight)], "none": torch.empty(0)}
    plugin = BackgroundCheckpointIO()
    plugin.save_checkpoint(saved, tmp_path / "last.ckpt")
    found = plugin.load_checkpoint(tmp_path / "last.ckpt")["same"]
    assert all(torch.equal(one, other) for one, other in zip(found, saved["same"], strict=True))
    assert len({x.untyped_storage().data_ptr() for x in found}) == 1


def test_reading_waits_for_the_last_save(held: threading.Event, tmp_path: Path) -> None:
    plugin = BackgroundCheckpointIO()
    plugin.save_checkpoint(state(1.0), tmp_path / "last.ckpt")
    held.set()
    assert torch.equal(plugin.load_checkpoint(tmp_path / "last.ckpt")["state_dict"]["weight"], torch.ones(3))


def test_a_save_that_fails_is_raised_once_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    plugin = BackgroundCheckpointIO()
    plugin.save_checkpoint(state(1.0), tmp_path / "file" / "last.ckpt")
    with pytest.raises(ValueError, match=r"last.ckpt can't be written: .*; there is no earlier one"):
        plugin.save_checkpoint(state(2.0), tmp_path / "last.ckpt")
    plugin.save_checkpoint(state(3.0), tmp_path / "last.ckpt")
    plugin.teardown()
    loaded = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert torch.equal(loaded["state_dict"]["weight"], torch.full((3,), 3.0))


def test_the_end_of_a_run_raises_what_went_wrong_with_the_last_save(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    plugin = BackgroundCheckpointIO()
    plugin.save_checkpoint(state(1.0), tmp_path / "file" / "last.ckpt")
    with pytest.raises(ValueError, match=r"last.ckpt can't be written"):
        plugin.teardown()
    plugin.teardown()


def test_a_second_fit_saves_as_the_first(tmp_path: Path) -> None:
    from cl_lightning.callbacks import LastCheckpoint

    saves = LastCheckpoint(tmp_path)
    trainer = small.trainer(saves, enable_checkpointing=True, plugins=[BackgroundCheckpointIO()])
    for epochs in (1, 2):
        trainer.fit_loop.max_epochs = epochs
        trainer.fit(small.simclr(), small.data())
        assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4 * epochs
