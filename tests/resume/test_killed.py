"""`cl-train` that is killed, and started again in the same way, ends with the bits of one that was not."""

from pathlib import Path
from typing import Any

import pytest

from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, STEPS, leftovers, run_folder, start, write_photos

# What is saved, where the kill comes, and the step that it continues from. Steps are counted from 0.
PLACES = {
    "end of an epoch": ("callbacks.checkpoint.every_n_epochs=1", "step 5", 3),
    "inside an epoch": ("callbacks.checkpoint.every_n_steps=1", "step 5", 5),
    "inside an accumulation": ("callbacks.checkpoint.every_n_steps=2", "accumulation 5", 4),
    "while a save is written": ("callbacks.checkpoint.every_n_steps=1", "writing 4", 4),
    "before a save is in place": ("callbacks.checkpoint.every_n_steps=2", "written 5", 4),
}
QUICK = [("moco_v2", "while a save is written", 2, 1, "32"), ("simclr", "inside an accumulation", 0, 2, "32")]
ALL = [
    *(
        (m, place, workers, world, "32")
        for m in METHODS
        for place in PLACES
        for workers in (0, 2)
        for world in (1, 2)
    ),
    *((m, "inside an epoch", 0, 1, "bf16-mixed") for m in METHODS),
]


def check(
    method: str, place: str, workers: int, world: int, precision: str, folder: Path, expected: Any
) -> None:
    result = (
        *METHODS[method],
        *((f"trainer.precision={precision}",) if precision != "32" else ()),
        *(("trainer=ddp_cpu",) if world == 2 else ()),
    )
    saves, moment, step = PLACES[place]
    write_photos(folder)
    overrides = (*result, saves, f"data.num_workers={workers}")

    killed = start(folder, *overrides, fault=f"{moment} SIGKILL 0")
    assert killed.returncode == -9, killed.stderr
    assert not (run_folder(folder) / "summary.json").exists()
    if place.startswith(("while", "before")):
        assert leftovers(folder)

    again = start(folder, *overrides)
    assert again.returncode == 0, again.stderr
    assert f": continues after {step} steps\n" in again.stdout
    assert leftovers(folder) == []
    found = ended_with(run_folder(folder))
    assert found["summary"]["steps"] == STEPS
    assert differences(expected(*result), found) == []


@pytest.mark.parametrize(("method", "place", "workers", "world", "precision"), QUICK)
def test_a_killed_run_ends_as_the_uninterrupted_one(
    method: str, place: str, workers: int, world: int, precision: str, tmp_path: Path, uninterrupted: Any
) -> None:
    check(method, place, workers, world, precision, tmp_path, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "place", "workers", "world", "precision"), [c for c in ALL if c not in QUICK]
)
def test_each_place_workers_and_processes(
    method: str, place: str, workers: int, world: int, precision: str, tmp_path: Path, uninterrupted: Any
) -> None:
    check(method, place, workers, world, precision, tmp_path, uninterrupted)
