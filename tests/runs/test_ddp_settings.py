"""Several processes by config: DDP's settings, and the run of one process however they are asked for."""

import os
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from cl_lightning.blueprints import ConfigError
from cl_lightning.callbacks.start_report import start_report
from cl_lightning.distributed import rank
from cl_lightning.runs import RunFolder
from cl_lightning.runs.assemble import assemble_data, assemble_method, assemble_trainer
from cl_lightning.runs.checking.trainer_settings import check_trainer
from cl_lightning.runs.summary import summarise
from tests.processes import run_on
from tests.small import SMALL, SMALL_MOCO, config

TWO = "trainer=cpu trainer.devices=2"
SPELLINGS = (
    TWO,
    "trainer=cpu trainer.devices='2'",
    "trainer=auto trainer.accelerator=cpu trainer.devices=2",
    "trainer=ddp_cpu",
    "trainer=slurm trainer.accelerator=cpu trainer.devices=2",
    f"{TWO} trainer.strategy=ddp",
    "trainer=cpu trainer.num_nodes=2",
)
ACCUMULATED = (
    f"{TWO} trainer.accumulate_grad_batches=2",
    "trainer=ddp_cpu trainer.accumulate_grad_batches=2",
)
LIMITED = "trainer.limit_train_batches=3 trainer.accumulate_grad_batches=2"
MOCO = " ".join([TWO, *SMALL_MOCO])
SAME = ("steps", "epochs", "global_batch_size", "effective_batch_size")
STATIC = {"_target_": "lightning.pytorch.strategies.DDPStrategy", "static_graph": True}


class Watch(Callback):
    """What each step was given."""

    def __init__(self) -> None:
        self.ddp: dict[str, Any] = {}
        self.rates: list[float] = []

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        names = ("static_graph", "gradient_as_bucket_view", "find_unused_parameters", "broadcast_buffers")
        self.ddp = {name: getattr(trainer.strategy.model, name, None) for name in names}
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def small(overrides: str) -> dict[str, Any]:
    """Four batches of eight images an epoch, and three images left out of it."""
    size = ("data.train.images=35", "data.val=null", "trainer.max_epochs=3", "schedule.warmup_epochs=1")
    kept = (o for o in SMALL if not o.startswith(("trainer", "data.val")))
    return config(*kept, *size, "callbacks.progress=null", "callbacks.knn=null", *overrides.split())


def fitted(run: dict[str, Any]) -> dict[str, Any]:
    method, data = assemble_method(run), assemble_data(run)
    trainer, watch = assemble_trainer(run, RunFolder.of(run)), Watch()
    trainer.callbacks.append(watch)
    trainer.fit(method, datamodule=data)
    summary = summarise(run, trainer)
    return {
        "ddp": watch.ddp,
        "rates": watch.rates,
        "told": start_report(trainer, method),
        "world": trainer.world_size,
        "summary": {name: summary[name] for name in SAME},
        "dropped": data.dropped_images,
    }


def on_two_processes(folder: Path) -> dict[str, Any]:
    os.chdir(folder)
    runs = {spelling: fitted(small(spelling)) for spelling in SPELLINGS[:-1]}
    runs |= {spelling: fitted(small(spelling)) for spelling in (*ACCUMULATED, f"{TWO} {LIMITED}", MOCO)}
    os.environ |= {"NODE_RANK": str(rank()), "LOCAL_RANK": "0"}
    runs[SPELLINGS[-1]] = fitted(small(SPELLINGS[-1]))
    os.environ |= {"NODE_RANK": "0", "LOCAL_RANK": str(rank())}
    wrong = small(ACCUMULATED[0])
    wrong["trainer"]["strategy"] = STATIC
    try:
        fitted(wrong)
    except RuntimeError as error:
        return {"runs": runs, "static and accumulated": str(error)}
    return {"runs": runs, "static and accumulated": "trained"}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run_on(2, on_two_processes, tmp_path_factory.mktemp("two"))


@pytest.mark.parametrize("spelling", [*SPELLINGS, *ACCUMULATED, MOCO])
def test_ddp_looks_for_no_unused_parameters_and_has_a_static_graph_unless_gradients_accumulate(
    spelling: str, ranks: list[dict[str, Any]]
) -> None:
    for result in ranks:
        assert result["runs"][spelling]["ddp"] == {
            "static_graph": spelling not in ACCUMULATED,
            "gradient_as_bucket_view": True,
            "find_unused_parameters": False,
            "broadcast_buffers": False,
        }


@pytest.mark.parametrize(
    ("asked", "spellings"),
    [("", SPELLINGS), ("trainer.accumulate_grad_batches=2", ACCUMULATED), (LIMITED, (f"{TWO} {LIMITED}",))],
)
def test_batch_schedule_and_steps_are_those_of_one_process_however_two_are_asked_for(
    asked: str, spellings: tuple[str, ...], ranks: list[dict[str, Any]]
) -> None:
    one = fitted(small(f"trainer=cpu {asked}"))
    assert len(set(one["rates"])) > 1
    for result in ranks:
        for spelling in spellings:
            two = result["runs"][spelling]
            assert (one["world"], two["world"]) == (1, 2)
            for name in ("rates", "summary", "dropped"):
                assert two[name] == one[name], (spelling, name)
            told = {name: value for name, value in two["told"].items() if name != "effective batch"}
            assert told.items() < one["told"].items(), spelling


def test_the_report_says_how_the_batch_is_shared(ranks: list[dict[str, Any]]) -> None:
    for spelling in SPELLINGS:
        assert ranks[0]["runs"][spelling]["told"]["effective batch"] == "8 images = 2 devices x 4"
    (accumulated, _) = ACCUMULATED
    told = ranks[0]["runs"][accumulated]["told"]["effective batch"]
    assert told == "16 images = 2 devices x 4 x 2 accumulated"


def test_the_report_says_how_many_images_an_epoch_leaves_out(ranks: list[dict[str, Any]]) -> None:
    for spelling, dropped in ((TWO, 3), (f"{TWO} {LIMITED}", 19)):  # of 35, with batches of 8
        run = ranks[0]["runs"][spelling]
        assert run["told"]["left out of an epoch"] == f"{dropped} of 35 images"
        assert run["dropped"] == dropped


def test_a_static_graph_fails_in_torch_where_gradients_accumulate(ranks: list[dict[str, Any]]) -> None:
    for result in ranks:
        assert "INTERNAL ASSERT FAILED" in result["static and accumulated"]


def test_a_static_graph_is_refused_where_gradients_accumulate() -> None:
    run = small(ACCUMULATED[0])
    run["trainer"]["strategy"] = STATIC
    with pytest.raises(ConfigError, match=r"static_graph is true, .*_batches is 2; accepted: false"):
        check_trainer(run["trainer"])


def test_one_device_needs_no_ddp() -> None:
    for spelling in ("trainer=cpu", "trainer=cpu trainer.devices=auto", "trainer=ddp_cpu trainer.devices=1"):
        run = small(spelling)
        assert type(assemble_trainer(run, RunFolder.of(run)).strategy).__name__ == "SingleDeviceStrategy"
