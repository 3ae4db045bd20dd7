"""`cl-train` on two and three processes against `cl-train` on one, with the same global batch."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from cl_lightning.interruption import OUT_OF_TIME
from tests.cli.command import SMALL, cl_train
from tests.cli.conftest import Ran

METHODS = {
    "simclr": ("method=simclr",),
    "moco_v2": (
        *("method=moco_v2", "encoder.batch_norm_groups=6", "callbacks.negative_queue.length=48"),
        "callbacks.momentum_encoder.momentum=0.9",
    ),
}
DOUBLE = (
    *(o for o in SMALL if not o.startswith(("data.batch_size", "trainer.max_epochs"))),
    *("data.batch_size=24", "data.train.images=100", "trainer.max_epochs=3", "trainer.precision=64"),
    *("schedule.lr_scaling=none", "optimizer.lr=0.1", "trainer.log_every_n_steps=2", "logger=csv"),
)
RUNS = [("simclr", 2), ("moco_v2", 2), pytest.param("moco_v2", 3, marks=pytest.mark.slow)]
FAILING = """
import os
import torch

class Photos(torch.utils.data.Dataset):
    def __len__(self):
        return 256

    def __getitem__(self, index):
        if index >= 8 and os.environ.get("LOCAL_RANK") == "1":
            raise ValueError("this is no photo")
        return torch.zeros(3, 8, 8, dtype=torch.uint8)
"""
QUEUE, KEYS = "NegativeQueue", "MomentumEncoder"
MEASURED_IN_SECONDS = {"train/images_per_second", "train/data_wait"}


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """From a method and a number of processes to the run's folder."""

    @cache
    def run(method: str, processes: int) -> Path:
        folder = tmp_path_factory.mktemp(f"{method}_{processes}")
        place = ["trainer=cpu"] if processes == 1 else ["trainer=ddp_cpu", f"trainer.devices={processes}"]
        return ended(Ran(folder, cl_train(folder, *DOUBLE, *METHODS[method], *place)))

    return run


def ended(ran: Ran) -> Path:
    assert ran.process.returncode == 0, ran.process.stderr
    (folder,) = (ran.folder / "runs").iterdir()
    return folder


def tensors(value: Any, name: str = "") -> dict[str, torch.Tensor]:
    """All tensors inside, by their place."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return {k: v for key, child in children for k, v in tensors(child, f"{name}.{key}").items()}


def learnt(folder: Path) -> dict[str, torch.Tensor]:
    """Weights, BatchNorm's buffers, the optimizer's state, the key encoder and the queue."""
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    learnt = {name: checkpoint[name] for name in ("state_dict", "optimizer_states")}
    return tensors(learnt | {name: checkpoint["callbacks"].get(name) for name in (QUEUE, KEYS)})


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def furthest(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert set(one) == set(other)
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


@pytest.mark.parametrize(("method", "processes"), RUNS)
def test_weights_statistics_optimizer_keys_and_queue_are_those_of_one_process(
    method: str, processes: int, run_of: Any
) -> None:
    one, several = learnt(run_of(method, 1)), learnt(run_of(method, processes))
    for part in ("running_mean", *([QUEUE, KEYS] if method == "moco_v2" else [])):
        assert any(part in name for name in one), part
    assert furthest(one, several) < 1e-10


@pytest.mark.parametrize(("method", "processes"), RUNS)
def test_metrics_have_the_rows_and_values_of_one_process(method: str, processes: int, run_of: Any) -> None:
    one, several = table(run_of(method, 1)), table(run_of(method, processes))
    assert len(one) == len(several) > 6
    for expected, row in zip(one, several, strict=True):
        assert {name for name in row if row[name]} == {name for name in expected if expected[name]}
        for name in set(expected) - MEASURED_IN_SECONDS:
            if expected[name]:
                assert float(row[name]) == pytest.approx(float(expected[name]), rel=1e-5, abs=1e-6), name


@pytest.mark.parametrize(("method", "processes"), RUNS)
def test_the_summary_tells_the_processes_and_is_else_that_of_one(
    method: str, processes: int, run_of: Any
) -> None:
    one, several = (json.loads((run_of(method, n) / "summary.json").read_text()) for n in (1, processes))
    assert (one["world_size"], several["world_size"]) == (1, processes)
    for name in ("steps", "epochs", "global_batch_size", "effective_batch_size", "precision", "knn_top1"):
        assert several[name] == one[name], name
    assert several["loss"] == pytest.approx(one["loss"], rel=1e-6)


def test_a_process_that_fails_ends_the_run_and_is_the_only_one_with_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING, encoding="utf-8")
    own = ("data=custom", "data.train._target_=failing.Photos", "data.num_workers=0", "callbacks.knn=null")
    small = [o for o in SMALL if not o.startswith(("data=", "callbacks.knn"))]
    # It returns when the last process has closed its output.
    ran = cl_train(tmp_path, *small, *own, "trainer=ddp_cpu")
    assert ran.returncode == 1
    assert ran.stdout.startswith("runs/simclr_custom-"), "the run did not begin"
    assert "ValueError: this is no photo\n" in ran.stderr
    assert ran.stderr.count("Traceback") == 1
    assert ran.stderr.count("cl-train: another process of this run ended early") == 1


def test_two_processes_follow_one_in_single_precision(single: Ran, two_processes: Ran) -> None:
    assert furthest(learnt(ended(single)), learnt(ended(two_processes))) < 1e-4


@pytest.mark.slow
def test_two_processes_whose_time_is_over_save_one_step_and_the_same_command_goes_on(tmp_path: Path) -> None:
    short = ("data.train.images=48", "data.val.images=16", "trainer=ddp_cpu", "logger=csv")
    cut = ("trainer.max_time={seconds:0.000001}", "run.root=cut")
    steps = []
    while (ran := cl_train(tmp_path, *SMALL, *short, *cut)).returncode == OUT_OF_TIME and len(steps) < 9:
        (folder,) = (tmp_path / "cut").iterdir()
        saved = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
        steps.append(saved["global_step"])
        assert not (folder / "summary.json").exists()
        assert "Traceback" not in ran.stderr
        assert not still_running(folder)
    assert (ran.returncode, steps) == (0, [1, 2]), ran.stderr
    whole = ended(Ran(tmp_path, cl_train(tmp_path, *SMALL, *short)))
    assert folder.name == whole.name
    assert furthest(learnt(folder), learnt(whole)) == 0


def still_running(folder: Path) -> list[int]:
    """Processes that have a file of a run's folder in their command line, such as the second of a run."""
    words = [
        (process.pid, " ".join(process.info["cmdline"] or [])) for process in psutil.process_iter(["cmdline"])
    ]
    return [pid for pid, command in words if folder.name in command]
