"""trainer.max_time ends a start of cl-train, not its run."""

import csv
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cl_lightning.interruption import OutOfTime
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.nearest import differences
from cl_lightning.train import main, train
from tests.small import SMALL, SMALL_MOCO, config

TIMES = ("train/data_wait", "train/images_per_second", "train/seconds")
CUT = "trainer.max_time={seconds:0.000001}"


def measured(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv, but for how fast they came."""
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def starts(*overrides: str) -> int:
    """How many starts are cut before one ends the run."""
    for number in range(10):
        try:
            train(config(*SMALL, *overrides))
            return number
        except OutOfTime:
            assert RunFolder.of(config(*SMALL, *overrides)).state() == "stopped"
    raise AssertionError("never finished")


def test_the_same_command_goes_on_until_the_run_is_what_it_would_have_been() -> None:
    assert starts(*SMALL_MOCO, "trainer.max_epochs=2", CUT, "run.root=cut") == 3
    assert starts(*SMALL_MOCO, "trainer.max_epochs=2", "run.root=whole") == 0
    cut, whole = (next(Path(root).iterdir()) for root in ("cut", "whole"))
    assert cut.name == whole.name
    assert {row["step"] for row in measured(cut)} == {"1", "3"}
    assert measured(cut) == measured(whole)


def test_another_time_goes_on_with_the_same_run() -> None:
    runs = [config(*SMALL, f"trainer.max_time={time}") for time in ("null", "00:01:00:00", "{hours: 2}")]
    assert len({run_hash(run) for run in runs}) == 1
    assert differences(runs[0], runs[2]) == {}


@pytest.mark.parametrize("missing", ["callbacks.preemption=null", "callbacks.checkpoint=null"])
def test_a_run_that_could_not_be_saved_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match=f"max_time .* no {missing.split('=')[0]}; accepted"):
        train(config(*SMALL, CUT, missing))
    with pytest.raises(ValueError, match=r"max_time .* trainer\.enable_checkpointing=null"):
        train(config(*SMALL, CUT, "trainer.enable_checkpointing=false"))
    assert not Path("runs").exists()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """What `cl-train -m OVERRIDES` writes to both outputs, and its exit code."""

    def run(*overrides: str) -> tuple[str, str, int]:
        monkeypatch.setattr(sys, "argv", ["cl-train", "-m", *SMALL, *overrides])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(str(ended.code))
        assert "HYDRA_FULL_ERROR" not in os.environ  # as it was, for whatever this process starts later
        return (*capfd.readouterr(), code)

    return run


def test_a_sweep_takes_its_jobs_for_interrupted_and_goes_on_with_them(told: Any) -> None:
    out, err, code = told("seed=0,1", CUT)
    assert code == 124
    assert "Traceback" not in err
    assert "sweep: 1/2 seed=0 interrupted after" in out
    assert "sweep: 2/2 seed=1 interrupted after" in out
    assert "2 of 2 jobs; the same command goes on with them" in err
    assert [path.state() for path in map(RunFolder, Path("runs").glob("*-*"))] == ["stopped"] * 2
    assert told("seed=0,1", CUT)[2] == 0  # their second step is the last
    assert [path.state() for path in map(RunFolder, Path("runs").glob("*-*"))] == ["finished"] * 2


def test_a_search_tells_nothing_of_an_interrupted_trial_and_goes_on_with_it(told: Any) -> None:
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "loss.temperature=interval(0.1,1)")
    out, _, code = told(*search, CUT)
    assert code == 124
    assert "the best" not in out
    assert out.count("of 2: loss.temperature") == 2  # each once
    out, _, code = told(*search, CUT)
    assert code == 0
    assert "the best knn_top1 is" in out
    assert len(list(Path("runs").glob("simclr*"))) == 2
