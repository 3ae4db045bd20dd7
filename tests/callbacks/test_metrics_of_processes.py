"""What several processes log is what one logs, and each image is seen once.

The Trainer is a user's own, with nothing set but its processes.
"""

import warnings
from dataclasses import asdict
from typing import Any
from unittest import mock

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import Logger

from cl_lightning.callbacks import HealthMonitor, KNNMonitor
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.distributed import rank, world_size
from tests import small
from tests.processes import run_on

TRAIN, VAL, BANK = 96, 25, 31  # no number of processes divides the last two
METHODS = ("simclr", "moco")
SETS = ("train", "val", "bank")


class Rows(Logger):
    """Keeps what is logged, as (step, values)."""

    name = version = None

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        assert step is not None
        self.rows.append((step, {name: v for name, v in metrics.items() if name != "epoch"}))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


class Health(HealthMonitor):
    """Keeps what the diagnosis reads."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        super().on_train_start(trainer, pl_module)
        self.readings: list[dict[str, Any]] = []
        read = self._collector.statistics

        def recorded(*args: Any) -> Any:
            readings = read(*args)
            self.readings.append({k: v for k, v in asdict(readings).items() if v is not None})
            return readings

        self._collector.statistics = recorded  # type: ignore[method-assign]


class Seen(Callback):
    """Keeps the indices of the images of each batch."""

    def __init__(self) -> None:
        self.index: dict[str, list[torch.Tensor]] = {name: [] for name in SETS}

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int) -> None:
        self.index["train"].append(batch.index)

    def on_validation_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, i: int, loader: int = 0
    ) -> None:
        self.index[SETS[1 + loader]].append(batch.index)


def data(val: int = VAL, bank: int = BANK) -> ContrastiveData:
    sizes = {"train": TRAIN, "val": val, "bank": bank}
    sets = {
        name: synthetic("val" if name == "val" else "train", n, size=small.SIZE) for name, n in sizes.items()
    }
    return ContrastiveData(**sets, batch_size=12)


def trainer(*callbacks: Any, **settings: Any) -> Any:
    if world_size() > 1:
        settings |= {"devices": world_size(), "strategy": "ddp"}
    return small.trainer(*callbacks, **({"limit_val_batches": 1.0} | settings))


def fit(name: str) -> dict[str, Any]:
    monitor, seen, rows = Health(), Seen(), Rows()
    if name == "simclr":
        method, callbacks, logger = small.simclr(), [KNNMonitor(k=5)], rows
    else:
        method = small.moco("shuffle", groups=6, symmetric=True)
        callbacks = small.moco_callbacks(length=96)
        logger = rows if rank() == 0 else False  # the first process alone may have loggers
    settings = {"max_epochs": 2, "accumulate_grad_batches": 2, "log_every_n_steps": 2}
    # In float64, so that nothing but the metrics' own rounding differs.
    started = trainer(monitor, seen, *callbacks, logger=logger, precision="64-true", **settings)
    with (
        warnings.catch_warnings(record=True) as told,
        mock.patch(f"{HealthMonitor.__module__}.UNIFORMITY_ROWS", 30),
    ):
        warnings.simplefilter("always")
        started.fit(method, datamodule=data())
    return {
        "rows": rows.rows,
        "readings": monitor.readings,
        "seen": seen.index,
        "few": [str(w.message) for w in told if str(w.message).startswith("k = 200 neighbours")],
    }


def refusal(**sizes: int) -> str:
    with pytest.raises(ValueError, match="fewer images") as refused:
        trainer(KNNMonitor(k=5)).fit(small.simclr(), datamodule=data(**sizes))
    return str(refused.value)


def everything() -> dict[str, Any]:
    found: dict[str, Any] = {name: fit(name) for name in METHODS}
    if world_size() > 1:
        found["refusals"] = [refusal(val=world_size() - 1), refusal(bank=1)]
    return found


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    """What one process finds."""
    return everything()


@pytest.fixture(scope="module", params=[2, 3])
def several(request: Any) -> list[dict[str, Any]]:
    """What each of several processes finds."""
    return run_on(request.param, everything, timeout=240)


methods = pytest.mark.parametrize("method", METHODS)


@methods
def test_several_processes_log_what_one_logs(one: Any, several: Any, method: str) -> None:
    expected, found = one[method]["rows"], several[0][method]["rows"]
    assert [(step, set(values)) for step, values in found] == [(step, set(v)) for step, v in expected]
    logged = set().union(*(values for _, values in expected))
    assert {"step/loss", "train/loss", "train/contrastive_top1", "train/uniformity"} <= logged
    assert {"val/knn_top1", "val/alignment", "val/uniformity", "val/effective_rank"} <= logged
    for (step, values), (_, theirs) in zip(found, expected, strict=True):
        assert values == pytest.approx(theirs, rel=2e-5, abs=1e-6), step


@methods
def test_the_diagnosis_of_each_process_reads_what_that_of_one_reads(
    one: Any, several: Any, method: str
) -> None:
    for found in several:
        for readings, theirs in zip(found[method]["readings"], one[method]["readings"], strict=True):
            assert readings == pytest.approx(theirs, rel=2e-5, abs=1e-6)


def test_processes_train_on_parts_of_the_batches_of_one(one: Any, several: Any) -> None:
    parts = zip(*(found["simclr"]["seen"]["train"] for found in several), strict=True)
    batches = one["simclr"]["seen"]["train"]
    for part, batch in zip(parts, batches, strict=True):
        assert torch.equal(torch.cat(part), batch)
    for epoch in (batches[:8], batches[8:]):
        assert sorted(torch.cat(epoch).tolist()) == list(range(TRAIN))


@pytest.mark.parametrize(("part", "images"), [("val", VAL), ("bank", BANK)])
def test_processes_evaluate_each_image_once_an_epoch(several: Any, part: str, images: int) -> None:
    seen = [torch.cat(found["simclr"]["seen"][part]).tolist() for found in several]
    assert sorted(index for share in seen for index in share) == sorted([*range(images)] * 2)
    assert min(len(share) for share in seen) == 2 * (images // len(several))


def test_the_first_process_alone_says_that_the_bank_is_small(several: Any) -> None:
    assert [len(found["moco"]["few"]) for found in several] == [1] + [0] * (len(several) - 1)


def test_fewer_images_to_evaluate_than_processes_are_refused_by_all(several: Any) -> None:
    processes = len(several)
    for found in several:
        for text, (part, images) in zip(
            found["refusals"], (("val", processes - 1), ("bank", 1)), strict=True
        ):
            assert text.startswith(f"data.{part} holds fewer images ({images}) than there are processes")
            assert f"({processes}); accepted: {processes} or more. Change data.{part}" in text
