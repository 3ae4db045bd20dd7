"""A run too short for a warm-up that nobody typed has a tenth of itself; one that was typed is refused."""

import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from cl_lightning.blueprints import ConfigError
from cl_lightning.commands import resolved
from cl_lightning.interruption import OutOfTime
from cl_lightning.runs import RunFolder, run_hash
from cl_lightning.runs.config_file import read_config
from cl_lightning.train import main, train
from tests.small import CONF, SMALL, composed, config

SHORT = (*(o for o in SMALL if not o.startswith("schedule.")), "trainer.max_epochs=5")  # 10 steps


def test_the_default_is_shortened_and_the_start_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert train(config(*SHORT))["steps"] == 10
    out = capsys.readouterr().out
    assert "1 step, a tenth of the run, which is too short for 10 epochs of warm-up" in out


def test_a_longer_run_has_the_warm_up_that_it_had(capsys: pytest.CaptureFixture[str]) -> None:
    train(config(*SHORT, "trainer.max_epochs=11"))
    assert "a tenth" not in capsys.readouterr().out
    folder = next(Path("runs").iterdir())
    assert read_config(folder / "config.yaml")["schedule"]["warmup_epochs"] == 10


@pytest.mark.parametrize(
    "kind", ["simclr", "moco_v2", "simclr_cifar10", "simclr_imagenet", "moco_v2_cifar10_cpu"]
)
def test_what_a_method_or_a_recipe_of_ours_sets_was_not_typed(kind: str) -> None:
    group = "experiment" if (CONF / "experiment" / f"{kind}.yaml").is_file() else "method"
    chosen = config(f"{group}={kind}")["schedule"]
    assert chosen["shorten"] is (chosen["warmup_epochs"] > 0)
    typed = config(f"{group}={kind}", "schedule.warmup_epochs=10")
    assert (typed["schedule"]["warmup_epochs"], typed["schedule"]["shorten"]) == (10, False)


TYPED = ["schedule.warmup_epochs=10", "schedule={warmup_epochs:10}", "experiment=mine"]


@pytest.mark.parametrize("typed", TYPED)
def test_what_the_user_typed_is_refused_with_nothing_written(
    typed: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    mine = Path("conf/experiment/mine.yaml")
    mine.parent.mkdir(parents=True)
    mine.write_text("# @package _global_\nschedule:\n  warmup_epochs: 10\n")
    monkeypatch.setattr(sys, "argv", ["cl-train", "--config-dir", "conf", *SHORT, typed])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "schedule.warmup_epochs is 10 (20 steps), but training ends after 10" in capfd.readouterr().err
    assert not Path("runs").exists()


def test_what_the_user_typed_is_no_finished_run_that_was_shortened() -> None:
    train(config(*SHORT))
    with pytest.raises(ConfigError, match=r"schedule\.warmup_epochs is 10"):
        train(config(*SHORT, "schedule.warmup_epochs=10"))
    train(config(*SHORT, "trainer.max_epochs=11"))
    assert train(config(*SHORT, "trainer.max_epochs=11", "schedule.warmup_epochs=10"))["epochs"] == 11
    assert len(list(Path("runs").iterdir())) == 2


def test_a_job_that_starts_from_the_runs_own_config_is_the_same_run() -> None:
    """One of a sweep, of SLURM or of the user's, from config.yaml, where no override tells who typed what."""
    whole = config(*SHORT, "run.root=whole")
    with pytest.raises(OutOfTime):
        train(config(*SHORT, "trainer.max_time={seconds:0.000001}"))
    folder = RunFolder.of(config(*SHORT))
    with initialize_config_dir(str(folder.path.absolute()), version_base="1.3"):
        again = resolved(compose("config", overrides=["trainer.max_time=null"]))
    assert again["schedule"]["shorten"] is True
    assert train(again)["loss"] == train(whole)["loss"]


def test_hashes_are_as_they_were() -> None:
    default, typed = config("method=simclr"), config("method=simclr", "schedule.warmup_epochs=10")
    without: Any = config("method=simclr")
    del without["schedule"]["shorten"]
    assert run_hash(default) == run_hash(typed) == run_hash(without)


def test_the_user_may_ask_for_it_too() -> None:
    assert composed(*SHORT, "schedule.warmup_epochs=10", "schedule.shorten=true").schedule.shorten is True
    assert train(config(*SHORT, "schedule.warmup_epochs=7", "schedule.shorten=true"))["steps"] == 10
