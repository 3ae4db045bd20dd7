"""`cl-train` that is killed, and started again in the same way, ends with the bits of one that was not."""

from pathlib import Path
from typing import Any

import pytest

from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, STEPS, leftovers, run_folder, start, write_photos

# One run, killed again and again: what is saved, where the kill comes, the step that it goes on from.
# Steps are counted from 0, an epoch has three of two batches.
EVERY_STEP = "callbacks.checkpoint.every_n_steps=1"
KILLS = (
    ("callbacks.checkpoint.every_n_epochs=1", "step 1", None),  # before the first save
    ("callbacks.checkpoint.every_n_epochs=1", "step 4", 3),  # the end of an epoch
    (EVERY_STEP, "step 5", 5),  # inside an epoch
    (EVERY_STEP, "writing 5", 5),  # while the save at the end of an epoch is written
    (EVERY_STEP, "accumulation 7", 7),  # inside an accumulation
    (EVERY_STEP, "written 7", 7),  # before a save is in place
)
FEW_KILLS = (KILLS[1], KILLS[3], KILLS[4])
PLACES = (KILLS[1], KILLS[2], KILLS[4])
QUICK = (("moco_v2", 2, 1, "32"),)
ALL = [
    *((method, workers, world, "32") for method in METHODS for workers in (0, 2) for world in (1, 2)),
    *((method, 0, 1, "bf16-mixed") for method in METHODS),
]


def check(
    kills: Any, method: str, workers: int, world: int, precision: str, folder: Path, uninterrupted: Any
) -> None:
    result = (
        *METHODS[method],
        *((f"trainer.precision={precision}",) if precision != "32" else ()),
        *(("trainer=ddp_cpu",) if world == 2 else ()),
    )
    expected = uninterrupted(*result)
    write_photos(folder)
    known: int | None = None  # the step that the next start has to go on from
    for saves, moment, step in kills:
        killed = start(folder, *result, saves, f"data.num_workers={workers}", fault=f"{moment} SIGKILL 0")
        assert killed.returncode == -9, (moment, killed.stderr)
        assert (f": continues after {known} steps\n" in killed.stdout) is (known is not None), moment
        assert not (run_folder(folder) / "summary.json").exists()
        assert bool(leftovers(folder)) is moment.startswith("writ"), moment
        known = step
    again = start(folder, *result, f"data.num_workers={workers}")
    assert again.returncode == 0, again.stderr
    assert f": continues after {known} steps\n" in again.stdout
    assert leftovers(folder) == []
    found = ended_with(run_folder(folder))
    assert found["summary"]["steps"] == STEPS
    assert differences(expected, found) == []


@pytest.mark.parametrize(("method", "workers", "world", "precision"), QUICK)
def test_a_run_killed_at_three_places_ends_as_the_uninterrupted_one(
    method: str, workers: int, world: int, precision: str, tmp_path: Path, uninterrupted: Any
) -> None:
    check(FEW_KILLS, method, workers, world, precision, tmp_path, uninterrupted)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("method", "workers", "world", "precision"), ALL)
def test_with_each_method_workers_processes_and_precision(
    method: str, workers: int, world: int, precision: str, tmp_path: Path, uninterrupted: Any
) -> None:
    check(
        KILLS if (method, workers, world) == ("moco_v2", 0, 1) else PLACES,
        method,
        workers,
        world,
        precision,
        tmp_path,
        uninterrupted,
    )


@pytest.mark.slow
def test_a_run_that_ends_inside_an_epoch_and_is_killed_at_its_last_step(
    tmp_path: Path, uninterrupted: Any
) -> None:
    ends = "trainer.max_steps=8"
    expected = uninterrupted(ends)
    write_photos(tmp_path)
    assert start(tmp_path, ends, EVERY_STEP, fault="written 7 SIGKILL 0").returncode == -9
    assert start(tmp_path, ends).returncode == 0
    assert differences(expected, ended_with(run_folder(tmp_path))) == []
