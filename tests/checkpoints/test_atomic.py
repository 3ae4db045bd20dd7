"""The last good checkpoint survives, and a checkpoint is data."""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from cl_lightning import SimCLR, load_backbone
from cl_lightning.checkpoints import (
    AtomicCheckpointIO,
    BackgroundCheckpointIO,
    Checkpoint,
)
from cl_lightning.commands.messages import explain
from cl_lightning.files import remove_unfinished, replacing
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_trainer
from cl_lightning.runs.config_file import read_config
from tests import small
from tests.checkpoints.killed import STAGES, checkpoint, found, save
from tests.processes import run_on
from tests.small import SMALL, config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.checkpoints.killed", str(tmp_path_factory.mktemp("killed"))]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


@pytest.mark.parametrize("stage", STAGES)
def test_a_save_that_is_killed_leaves_the_old_or_the_new_checkpoint(
    stage: str, outcome: dict[str, Any]
) -> None:
    for earlier in ("one", "none"):
        left = outcome["stages"][f"{stage}, {earlier} before"]
        last = STAGES[stage][-1]
        assert left["killed"]
        assert left["found"] == (last if earlier == "one" or last == 2 else None)
        assert left["next"] == 3


def test_what_a_killed_save_had_begun_is_found_and_removed(outcome: dict[str, Any]) -> None:
    for name, left in outcome["stages"].items():
        began = STAGES[name.split(",")[0]][-1] == 1 and not name.startswith("before a file is there")
        assert left["unfinished"] == began
        assert left["files"] == ([] if left["found"] is None else ["last.ckpt"])


def test_saves_that_are_killed_at_any_moment_leave_a_whole_checkpoint(outcome: dict[str, Any]) -> None:
    *steps, files = outcome["random"]
    assert all(isinstance(step, int) for step in steps), steps[-1]
    assert steps == sorted(steps)
    assert steps[-1] > 5  # saves did succeed in between
    assert files == 1


def test_a_read_only_folder_is_told_and_leaves_the_old_checkpoint(outcome: dict[str, Any]) -> None:
    told = outcome["read-only"]
    assert told["said"].startswith(f"{told['file']} can't be written: Permission denied; the last good")
    assert f"{told['file']} (step 1)" in told["said"]
    assert (told["found"], told["files"]) == (1, ["last.ckpt"])


def test_removing_what_is_unfinished_leaves_all_other_files(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    others = [tmp_path / name for name in ("a.tmp", "unfinished-mine.tmp", "checkpoints/last.ckpt")]
    begun = [tmp_path / name for name in ("checkpoints/unfinished-00ff00ff.tmp", "unfinished-12345678.tmp")]
    for file in (*others, *begun):
        file.write_bytes(b"")
    assert remove_unfinished(tmp_path) == begun
    assert all(file.exists() for file in others)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process can't grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def full_at(stage: str) -> Iterator[None]:
    """No room is left: for what is written, or told only when it goes to the disk."""

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if stage == "write":
        with room_for(10_000):
            yield
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, stage, refuse)
            yield


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize("stage", ["write", "fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_the_old_checkpoint(stage: str, earlier: bool, tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    if earlier:
        save(file, 7)
    reason = os.strerror(errno.EFBIG if stage == "write" else errno.ENOSPC)
    with pytest.raises(ValueError, match="can't be written") as caught, full_at(stage):
        save(file, 8)
    kept = f"the last good checkpoint is still there: {file} (step 7)" if earlier else "there is no earlier"
    assert str(caught.value).startswith(f"{file} can't be written: {reason}; {kept}")
    assert found(file) == (7 if earlier else None)
    assert len(list(tmp_path.iterdir())) == earlier


def test_what_does_not_read_back_does_not_take_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_byte_wrong(content: dict[str, Any], part: Any) -> None:
        torch.save(content, part)
        part.seek(40_000)
        part.write(b"\xff")
        part.flush()

    file = tmp_path / "last.ckpt"
    save(file, 7)
    monkeypatch.setattr("cl_lightning.checkpoints.atomic._write", one_byte_wrong)
    with pytest.raises(ValueError, match=r"what was written is no complete .*still there: .*\(step 7\)"):
        save(file, 8)
    assert found(file) == 7
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
def test_a_fit_whose_disk_fills_up_ends_in_one_line_and_goes_on_from_the_last_checkpoint(
    tmp_path: Path,
) -> None:
    disk = ExitStack()

    class Fills(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                disk.enter_context(room_for(10_000))

    def trainer(*callbacks: Callback) -> Trainer:
        saves = ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=True, enable_version_counter=False)
        plugins = [AtomicCheckpointIO()]
        return small.trainer(saves, *callbacks, max_epochs=2, plugins=plugins, enable_checkpointing=True)

    with disk, pytest.raises(ValueError, match="can't be written") as caught:
        trainer(Fills()).fit(small.simclr(), small.data())
    message = explain(caught.value)
    assert message is not None
    assert f"still there: {tmp_path / 'last.ckpt'} (step 4)" in message
    assert [f.name for f in tmp_path.iterdir()] == ["last.ckpt"]
    again = trainer()
    again.fit(small.simclr(), small.data(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert again.global_step == Checkpoint(tmp_path / "last.ckpt").content["global_step"] == 8


def test_what_is_read_is_what_was_saved_and_no_longer_needs_the_file(tmp_path: Path) -> None:
    content = checkpoint(3) | {"optimizer_states": [{"state": {0: {"step": torch.tensor(5.0)}}}]}
    content["kinds"] = [torch.Size([2]), torch.float64, torch.device("cpu"), {1, 2}, (None, 1j, b"x", 2**40)]
    file = tmp_path / "new" / "last.ckpt"
    plugin = AtomicCheckpointIO()
    plugin.save_checkpoint(content, file)
    again = plugin.load_checkpoint(file, weights_only=True)
    file.write_bytes(b"")
    assert torch.equal(again.pop("state_dict")["weight"], content.pop("state_dict")["weight"])
    assert again == content


def test_weights_that_lightning_hands_from_process_to_process_pass(tmp_path: Path) -> None:
    plugin = AtomicCheckpointIO()
    plugin.save_checkpoint({"weight": torch.ones(3)}, tmp_path / ".temp.ckpt")
    assert torch.equal(plugin.load_checkpoint(tmp_path / ".temp.ckpt")["weight"], torch.ones(3))


def test_a_file_has_the_rights_that_any_new_file_has(tmp_path: Path) -> None:
    save(tmp_path / "last.ckpt", 1)
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "last.ckpt").stat().st_mode == (tmp_path / "other").stat().st_mode


class Phase(IntEnum):
    WARM_UP = 1


@pytest.mark.parametrize(
    ("place", "value", "kind"),
    [
        ("callbacks.Mine.path", Path("a"), "PosixPath"),
        ("callbacks.Mine.best", np.float64(0.5), "numpy.float64"),
        ("hyper_parameters.network", torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        ("optimizer_states.phase", Phase.WARM_UP, "Phase"),
        ("lr_schedulers.function", lambda step: step, "builtins.function"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_what_could_not_be_read_again_is_refused_by_its_place(
    place: str, value: Any, kind: str, inside: bool, tmp_path: Path
) -> None:
    content = checkpoint(1)
    node = content
    *nodes, leaf = place.split(".")
    for name in nodes:
        node = node.setdefault(name, {})
    node[leaf] = [0, (value,)] if inside else value
    place += "[1][0]" if inside else ""
    with pytest.raises(ValueError, match="could not be read again; accepted: tensors") as caught:
        AtomicCheckpointIO().save_checkpoint(content, tmp_path / "last.ckpt")
    assert str(caught.value).startswith(f"{place} of the checkpoint is a ")
    assert f"{kind}, which" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def loads(file: Path) -> list[Callable[[], Any]]:
    """Every way in which the package reads a checkpoint."""
    trainer = small.trainer(plugins=[AtomicCheckpointIO()])
    return [
        lambda: AtomicCheckpointIO().load_checkpoint(file),
        lambda: load_backbone(file),
        lambda: SimCLR.load_from_checkpoint(file),
        lambda: trainer.fit(small.simclr(), small.data(), ckpt_path=file, weights_only=True),
        lambda: trainer.validate(small.simclr(), small.data(), ckpt_path=file),
    ]


def test_a_checkpoint_cut_off_anywhere_is_refused_with_the_name_of_the_last_good_one(tmp_path: Path) -> None:
    for step, name in ((1, "oldest"), (2, "good"), (3, "last")):
        save(tmp_path / f"{name}.ckpt", step)
        os.utime(tmp_path / f"{name}.ckpt", (step, step))
    file, whole = tmp_path / "last.ckpt", (tmp_path / "last.ckpt").read_bytes()
    for size in [*range(0, len(whole), 1999), *range(len(whole) - 30, len(whole))]:
        file.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"last\.ckpt is no complete checkpoint") as caught:
            AtomicCheckpointIO().load_checkpoint(file)
        assert f"the newest good checkpoint beside it is {tmp_path / 'good.ckpt'} (step 2)" in str(
            caught.value
        )
    for load in loads(file):
        with pytest.raises(ValueError, match=r"last.ckpt is no complete .*good.ckpt \(step 2\)"):
            load()


def test_a_checkpoint_with_a_wrong_byte_is_refused_or_holds_what_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    save(file, 3)
    whole = file.read_bytes()
    refused = 0
    for place in range(0, len(whole), 397):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        step = found(file)
        refused += step != 3
        assert step == 3 or "is no complete checkpoint" in str(step), place
    assert refused > 190  # of 206: the rest is padding


class Gadget:
    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.touched}",)


def test_code_in_a_checkpoint_never_runs(tmp_path: Path) -> None:
    touched, file = tmp_path / "touched", tmp_path / "gadget.ckpt"
    torch.save(checkpoint(1) | {"callbacks": {"Mine": Gadget(touched)}}, file)
    for load in loads(file):
        with pytest.raises(ValueError, match=r"gadget.ckpt holds a \w+.system, and only tensors and plain"):
            load()
    with pytest.raises(ValueError, match="weights_only is False; accepted: true"):
        AtomicCheckpointIO().load_checkpoint(file, weights_only=False)
    with pytest.raises(ValueError, match=r"callbacks\.Mine of the checkpoint is a .*Gadget"):
        AtomicCheckpointIO().save_checkpoint({"callbacks": {"Mine": Gadget(touched)}}, file)
    assert not touched.exists()


def test_the_name_of_a_function_in_a_checkpoint_is_refused(tmp_path: Path) -> None:
    content = checkpoint(1) | {"hyper_parameters": {"_instantiator": "os.system"}}
    torch.save(content, tmp_path / "named.ckpt")
    for load in loads(tmp_path / "named.ckpt"):
        with pytest.raises(ValueError, match=r"names code to run in hyper_parameters\._instantiator"):
            load()
    with pytest.raises(ValueError, match=r"hyper_parameters\._instantiator of the checkpoint names code"):
        AtomicCheckpointIO().save_checkpoint(content, tmp_path / "new.ckpt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"weight": torch.ones(2)}, "foreign.ckpt holds no state_dict; accepted"),
        ([1, 2], "foreign.ckpt holds no state_dict; accepted"),
        (
            {"state_dict": {"weight": torch.ones(2)}, "epoch": 3},
            "foreign.ckpt is another program's; accepted",
        ),
    ],
)
def test_another_programs_checkpoint_is_refused(content: Any, words: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "foreign.ckpt")
    trainer = small.trainer(plugins=[AtomicCheckpointIO()])
    with pytest.raises(ValueError, match=words):
        trainer.fit(small.simclr(), small.data(), ckpt_path=tmp_path / "foreign.ckpt")


def test_only_local_files_are_written_and_read(tmp_path: Path) -> None:
    plugin = AtomicCheckpointIO()
    with pytest.raises(ValueError, match=r"is https://a/b.ckpt; accepted: a local file"):
        plugin.load_checkpoint("https://a/b.ckpt")
    with pytest.raises(ValueError, match=r"is s3://a/b.ckpt; accepted: a local file"):
        plugin.save_checkpoint(checkpoint(1), "s3://a/b.ckpt")
    with pytest.raises(ValueError, match="storage_options is 1; accepted: none"):
        plugin.save_checkpoint(checkpoint(1), tmp_path / "a.ckpt", storage_options=1)
    with pytest.raises(ValueError, match=r"there is no .*nowhere.ckpt; accepted"):
        plugin.load_checkpoint(tmp_path / "nowhere.ckpt")


class Counting(AtomicCheckpointIO):
    saves = 0

    def save_checkpoint(self, *arguments: Any, **settings: Any) -> None:
        super().save_checkpoint(*arguments, **settings)
        self.saves += 1


def fit_on_two(folder: str) -> tuple[int, int]:
    """Saves of this rank, and the step that it reads."""
    plugin = Counting()
    trainer = small.trainer(devices=2, strategy="ddp", plugins=[plugin], use_distributed_sampler=False)
    trainer.fit(small.simclr(), small.data())
    trainer.save_checkpoint(Path(folder, "last.ckpt"), weights_only=False)
    return plugin.saves, plugin.load_checkpoint(Path(folder, "last.ckpt"))["global_step"]


def test_of_two_processes_the_first_one_saves(tmp_path: Path) -> None:
    assert run_on(2, fit_on_two, str(tmp_path)) == [(1, 4), (0, 4)]
    assert [f.name for f in tmp_path.iterdir()] == ["last.ckpt"]


def test_runs_save_with_it(tmp_path: Path) -> None:
    trainer = assemble_trainer(config(*SMALL), RunFolder(tmp_path))
    assert isinstance(trainer.strategy.checkpoint_io, BackgroundCheckpointIO)


def interrupted(file: Path) -> None:
    with replacing(file) as part:
        part.write(b"{")
        raise KeyboardInterrupt


def test_a_file_that_is_not_written_to_its_end_leaves_the_old_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    file = folder.write_json("summary.json", {"knn_top1": 0.5})
    with (
        pytest.raises(ValueError, match=r"summary.json can't be written: File too large; accepted"),
        room_for(9),
    ):
        folder.write_json("summary.json", {"knn_top1": 0.75})
    with pytest.raises(KeyboardInterrupt):
        interrupted(file)
    assert folder.summary() == {"knn_top1": 0.5}
    assert [f.name for f in tmp_path.iterdir()] == ["summary.json"]


def test_a_folder_whose_config_can_not_be_written_is_not_made(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with (
        pytest.raises(ValueError, match=r"config.yaml can't be written"),
        folder.locked(),
        room_for(9),
    ):
        folder.prepare({"seed": 0, "name": "long enough"})
    assert not folder.path.exists()
    with folder.locked():
        folder.prepare({"seed": 0})
    assert read_config(folder.path / "config.yaml") == {"seed": 0}
