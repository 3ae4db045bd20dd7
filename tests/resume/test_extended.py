"""A run of two processes that is extended, and killed on its way, ends with the bits of the whole run."""

from pathlib import Path
from typing import Any

import pytest

from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, start, write_photos

CONSTANT = ("schedule=wsd", "schedule.decay_share=0", "trainer=ddp_cpu")
KEPT = "callbacks.checkpoint.keep_every_n_steps=4"  # inside the second epoch, which has three steps


def new_folder(folder: Path, *overrides: str, fault: str = "") -> Path:
    """The folder of a run that these overrides begin."""
    before = set(folder.glob("runs/*-*"))
    ran = start(folder, *overrides, fault=fault)
    assert ran.returncode == (-9 if fault else 0), ran.stderr
    (new,) = set(folder.glob("runs/*-*")) - before
    return new


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_extend_a_run_and_a_kept_checkpoint(
    method: str, tmp_path: Path, uninterrupted: Any
) -> None:
    settings = (*METHODS[method], *CONSTANT)
    expected = uninterrupted(*settings)
    del expected["summary"]["parent"]
    write_photos(tmp_path)
    short = new_folder(tmp_path, *settings, KEPT, "trainer.max_epochs=2")
    assert [file.name for file in short.glob("checkpoints/step-*")] == ["step-00000004.ckpt"]
    for parent in (short, short / "checkpoints" / "step-00000004.ckpt"):
        longer = (*settings, f"run.extend={parent.relative_to(tmp_path)}")
        folder = new_folder(tmp_path, *longer, fault="step 7 SIGKILL 0")
        again = start(tmp_path, *longer)
        assert again.returncode == 0, again.stderr
        found = ended_with(folder)
        assert found["summary"].pop("parent")["hash"] == short.name.rpartition("-")[2]
        assert differences(expected, found) == []
