"""trainer.fast_dev_run says that all works, and leaves nothing behind."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.runs import RunFolder
from cl_lightning.train import main, train
from tests.small import SMALL, SMALL_MOCO, config

DRY = "trainer.fast_dev_run=true"


def everything() -> dict[str, float]:
    """Whatever is below the working folder, with the time of its last change."""
    return {str(path): path.stat().st_mtime for path in Path().rglob("*")}


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("steps", ["true", "1", "2"])
@pytest.mark.parametrize("method", [(), SMALL_MOCO], ids=["simclr", "moco_v2"])
def test_it_says_what_went_through_and_what_the_run_would_be(
    steps: str, method: Any, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = (*SMALL, *method, "logger=csv_tensorboard", "trainer.accumulate_grad_batches=1")
    overrides = tuple(o for o in overrides if o != "logger=csv")
    assert train(config(*overrides, f"trainer.fast_dev_run={steps}")) == {}
    assert everything() == {}
    assert list(temporary.glob("cl-train*")) == []
    last = capsys.readouterr().out.splitlines()[-1]
    number = "2 steps" if steps == "2" else "1 step"
    assert last.startswith(f"trainer.fast_dev_run: all works; {number} and as much of an evaluation")
    assert last.endswith(str(RunFolder.of(config(*overrides)).path))


def test_an_accumulation_is_one_step(capsys: pytest.CaptureFixture[str]) -> None:
    train(config(*SMALL, DRY, "trainer.accumulate_grad_batches=2"))
    assert "all works; 1 step and" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["false", "0"])
def test_false_is_a_run(value: str) -> None:
    assert train(config(*SMALL, f"trainer.fast_dev_run={value}"))["steps"] == 2


def test_a_run_that_is_there_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    train(config(*SMALL))
    dry = RunFolder.of(config(*SMALL, DRY))  # as earlier versions left one behind
    dry.path.mkdir()
    dry.write_json("summary.json", {"knn_top1": 0.5})
    before = everything()
    capsys.readouterr()
    train(config(*SMALL, DRY))
    assert everything() == before
    assert "is finished" not in capsys.readouterr().out


@pytest.mark.parametrize("logger", ["wandb", "mlflow"])
def test_nothing_is_sent(logger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("WandbLogger", "MLFlowLogger"):
        monkeypatch.setattr(
            f"lightning.pytorch.loggers.{kind}.__init__", lambda *_, **__: pytest.fail("made")
        )
    train(config(*SMALL[:-1], f"logger={logger}", DRY))
    assert everything() == {}


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("schedule.warmup_epochs=7", "schedule.warmup_epochs"),
        ("trainer.fast_dev_run=-1", "trainer.fast_dev_run"),
        ("trainer.fast_dev_run=yes", "trainer.fast_dev_run"),
        ("trainer.fast_dev_run=0.5", "trainer.fast_dev_run"),
        ("trainer.max_time=4", "trainer.max_time"),
        ("+logger.csv.save_dir=x", "logger.csv.save_dir"),
    ],
)
def test_what_the_run_would_refuse_is_refused(wrong: str, key: str) -> None:
    dry = () if "fast_dev_run" in wrong else (DRY,)
    with pytest.raises(ValueError, match=key):
        train(config(*SMALL, *dry, wrong))
    assert everything() == {}


def told(monkeypatch: pytest.MonkeyPatch, *overrides: str) -> int:
    monkeypatch.setattr(sys, "argv", ["cl-train", "-m", *SMALL, *overrides])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    try:
        main()
    except SystemExit as ended:
        return int(str(ended.code))
    return 0


@pytest.mark.usefixtures("temporary")
def test_a_sweep_of_them_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert told(monkeypatch, DRY, "seed=0,1") == 0
    assert capfd.readouterr().out.count("all works") == 2
    left = [path for path in everything() if Path(path).is_file()]
    assert [os.path.basename(path) for path in left] in ([], ["multirun.yaml"])  # Hydra's own


def test_a_search_and_a_cluster_refuse_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    search = ("hydra/sweeper=optuna", "loss.temperature=interval(0.1,1)")
    for words in (search, ("hydra/launcher=slurm",)):
        assert told(monkeypatch, DRY, *words) == 1
        assert "trainer.fast_dev_run" in capfd.readouterr().err
