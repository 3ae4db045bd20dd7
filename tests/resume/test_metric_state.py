"""A resumed fit logs and tells what the uninterrupted one does, also of the epoch that it goes on with."""

import warnings
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from lightning.pytorch.callbacks import Checkpoint

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.callbacks.health import collector, monitor, waiting
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.distributed import world_size
from tests import small
from tests.processes import run_on
from tests.resume.saving import SaveAfter

EPOCHS, STEPS = 2, 5  # of 10 batches of 8 images, two of which make a step; four fill the queue
PLACES = {"inside the first epoch": 4, "end of an epoch": STEPS, "inside the last epoch": STEPS + 3}
# Fewer batches than an epoch has, so that early ones make room, and some wait to be added at each place.
KEPT = {(monitor, "UNIFORMITY_ROWS"): 40, (collector, "ROWS"): 40, (waiting, "ROWS"): 24}
CASES = {
    "simclr": (small.simclr, "32-true"),
    "moco": (small.moco, "64-true"),  # exact but for the metrics' own rounding
    "stuck": (partial(small.simclr, optimizer=partial(torch.optim.SGD, lr=1e-8)), "bf16-mixed"),
}


class Health(HealthMonitor):
    """Keeps what the diagnosis reads, by epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: dict[int, dict[str, Any]] = {}

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        super().on_train_start(trainer, pl_module)
        read = self._collector.statistics

        def recorded(*args: Any) -> Any:
            readings = read(*args)
            self.readings[trainer.current_epoch] = asdict(readings)
            return readings

        self._collector.statistics = recorded  # type: ignore[method-assign]


class Logged(Checkpoint):
    """Keeps the values of each epoch, after all other callbacks."""

    def __init__(self) -> None:
        self.epochs: dict[int, dict[str, float]] = {}

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.epochs[trainer.current_epoch] = {n: v.item() for n, v in trainer.callback_metrics.items()}


def data() -> ContrastiveData:
    sizes = {"train": 2 * 8 * STEPS + 2, "val": 16, "bank": 16}
    return ContrastiveData(
        **{n: synthetic(images=size, size=small.SIZE) for n, size in sizes.items()}, batch_size=8
    )


def fit(case: str, *callbacks: Any, resume: Path | None = None) -> dict[str, Any]:
    """All that is logged and told by epoch, and the messages and spectra of the whole run."""
    method, precision = CASES[case]
    monitor, logged = Health(), Logged()
    settings: dict[str, Any] = {"max_epochs": EPOCHS, "accumulate_grad_batches": 2, "limit_val_batches": 1.0}
    settings["enable_checkpointing"] = True
    if world_size() > 1:
        settings |= {"devices": world_size(), "strategy": "ddp"}
    owned = small.moco_callbacks(length=64) if case == "moco" else []
    trainer = small.trainer(
        monitor, KNNMonitor(k=5), *owned, logged, *callbacks, precision=precision, **settings
    )
    with ExitStack() as patches, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, value in KEPT.items():
            patches.enter_context(mock.patch.object(*place, value))
        trainer.fit(method(), data(), ckpt_path=resume, weights_only=True)
    told = {"messages": monitor.messages, "spectra": monitor.spectra}
    return {"logged": logged.epochs, "read": monitor.readings} | told


def runs(folder: Path, *cases: str) -> dict[str, dict[str, Any]]:
    """Of each case the uninterrupted fit, and those that go on from each place."""
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        found[case] = {"uninterrupted": fit(case, SaveAfter(folder / case, *PLACES.values()))}
        for place, step in PLACES.items():
            found[case][place] = fit(case, resume=folder / case / f"{step}.ckpt")
    return found


def on_each_rank(folder: Path, alone: Path) -> dict[str, Any]:
    found = runs(folder, "simclr", "moco")
    return found | {"from one": fit("moco", resume=alone / f"moco/{PLACES['inside the last epoch']}.ckpt")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def one(folder: Path) -> dict[str, Any]:
    return runs(folder / "one", *CASES)


@pytest.fixture(scope="module")
def two(folder: Path, one: Any) -> list[dict[str, Any]]:
    """What each of two processes finds; they also go on with what one process has saved."""
    return run_on(2, on_each_rank, folder / "two", folder / "one", timeout=240)


def left_of(uninterrupted: dict[str, Any], place: str) -> dict[str, Any]:
    """What is to be logged after a place, and all that is told."""
    first = PLACES[place] // STEPS
    later = {
        part: {epoch: values for epoch, values in uninterrupted[part].items() if epoch >= first}
        for part in ("logged", "read")
    }
    return uninterrupted | later


def written(found: Any) -> list[str]:
    """Every number to its last digit, not a number included."""
    return [f"{part} {key}: {value!r}" for part, values in found.items() for key, value in items(values)]


def items(values: Any) -> Any:
    return values.items() if isinstance(values, dict) else enumerate(values)


places = pytest.mark.parametrize("place", PLACES)


@places
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_fit_logs_and_tells_what_the_uninterrupted_one_does(
    one: Any, case: str, place: str
) -> None:
    assert written(one[case][place]) == written(left_of(one[case]["uninterrupted"], place))


def test_all_that_is_promised_is_logged_and_something_is_told(one: Any) -> None:
    logged = one["moco"]["uninterrupted"]["logged"]
    assert set(logged) == set(range(EPOCHS))
    expected = {"train/loss", "train/uniformity", "train/effective_rank", "val/knn_top1", "val/alignment"}
    assert expected <= set(logged[0])
    assert logged[0] != logged[1]
    (told,) = one["stuck"]["uninterrupted"]["messages"]
    assert told["epoch"] == EPOCHS - 1
    assert "does not fall" in told["message"]


@places
@pytest.mark.parametrize("case", ["simclr", "moco"])
def test_two_resumed_processes_log_and_tell_what_two_without_interruption_do(
    two: Any, case: str, place: str
) -> None:
    for rank in two:
        assert written(rank[case][place]) == written(left_of(rank[case]["uninterrupted"], place))


@pytest.mark.parametrize("place", ["inside the first epoch", "inside the last epoch"])
def test_one_process_goes_on_with_what_two_have_gathered(two: Any, folder: Path, place: str) -> None:
    resumed = fit("moco", resume=folder / "two" / "moco" / f"{PLACES[place]}.ckpt")
    same_but_for_rounding(resumed, left_of(two[0]["moco"]["uninterrupted"], place))


def test_two_processes_go_on_with_what_one_has_gathered(one: Any, two: Any) -> None:
    for rank in two:
        same_but_for_rounding(
            rank["from one"], left_of(one["moco"]["uninterrupted"], "inside the last epoch")
        )


def same_but_for_rounding(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for part, tolerance in {"logged": 1e-6, "read": 1e-5}.items():  # ranks of few rows round more
        assert found[part].keys() == expected[part].keys()
        for epoch, values in expected[part].items():
            values = {name: value for name, value in values.items() if value is not None}
            assert {name: found[part][epoch][name] for name in values} == pytest.approx(
                values, rel=tolerance, abs=tolerance
            )
