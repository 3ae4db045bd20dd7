"""What a sweep refuses, before it trains or writes anything."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.small import SMALL

PARALLEL, OPTUNA, SLURM = "hydra/launcher=parallel", "hydra/sweeper=optuna", "hydra/launcher=slurm"
REFUSED = {
    "loss.temperature=interval(0.1,1)": "is an interval; accepted: a list, range(), choice() or glob(), or "
    "hydra/sweeper=optuna",
    f"{PARALLEL} hydra.launcher.n_jobs=0": "hydra.launcher.n_jobs is 0; accepted: a whole number from 1, or",
    f"{PARALLEL} hydra.launcher.n_jobs=all": "hydra.launcher.n_jobs is 'all'; accepted",
    f"{OPTUNA} hydra.sweeper.n_trials=0": "hydra.sweeper.n_trials is 0; accepted: a whole number from 1",
    f"{OPTUNA} hydra.sweeper.n_jobs=x": "hydra.sweeper.n_jobs is 'x'; accepted: a whole number from 1",
    f"{OPTUNA} hydra.sweeper.direction=up": "direction is 'up'; accepted: maximize, minimize",
    f"{OPTUNA} loss.temperature=interval(1,0.1)": "accepted: a low end below the high one",
    f"{OPTUNA} loss.temperature=tag(log,interval(0,1))": "a low end below the high one, both above 0",
    f"{OPTUNA} seed=-1 loss.temperature=interval(0.1,1)": "seed is -1; accepted: a whole number from 0",
    f"{SLURM} hydra.launcher.minutes=0": "hydra.launcher.minutes is 0; accepted: a whole number from 1",
    f"{SLURM} hydra.launcher.signal_seconds=60 hydra.launcher.minutes=1": "accepted: below 60",
}
JOBS_REFUSED = {  # by the slurm launcher, which submits none then
    "seed=0,-1": "seed=-1: seed is -1; accepted: a whole number from 0",
    "trainer.devices=1,auto": "trainer.devices=auto: trainer.devices is 'auto'; accepted for a job of a cl",
    "trainer.max_epochs=1,0": "trainer.max_epochs=0: trainer.max_epochs is 0",
    "loss.temperature=0.1,-1": "loss.temperature=-1: ",
    "data.batch_size=8,1": "data.batch_size=1: data.batch_size is 1, but SimCLR's negatives",
    "optimizer.lr=1,-1": "optimizer.lr=-1: optimizer: Invalid learning rate: -1",
    "trainer.devices=1,3": "trainer.devices=3: data.batch_size=8 cannot be shared by 3 processes",
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_setting_that_can_not_be_gets_one_line(wrong: str, told: Any) -> None:
    out, err, code = told("-m", *SMALL, *wrong.split())
    assert (code, len(err.splitlines())) == (1, 1), (out, err)
    assert err.startswith("cl-train: ")
    assert REFUSED[wrong] in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("option", [PARALLEL, OPTUNA, SLURM])
def test_a_single_run_refuses_what_is_for_sweeps(option: str, told: Any) -> None:
    out, err, code = told(*SMALL, option)
    assert (out, code) == ("", 1)
    assert err.startswith(
        f"cl-train: {option} acts on a sweep, and this is a single run; accepted: cl-train -m"
    )
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("sweep", [(), ("-m",)])
def test_a_metric_that_no_summary_has_is_refused(sweep: tuple[str, ...], told: Any) -> None:
    _, err, code = told(*sweep, *SMALL, "run.metric=accuracy")
    assert code == 1
    assert "run.metric is 'accuracy'; accepted: loss, knn_top1, alignment" in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("launcher", ["hydra/launcher=local", PARALLEL, SLURM])
@pytest.mark.parametrize(
    ("variable", "starter"), [("SLURM_STEP_NUM_TASKS", "srun"), ("WORLD_SIZE", "torchrun")]
)
def test_one_of_several_processes_of_a_sweep_refuses(
    variable: str, starter: str, launcher: str, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "2")
    out, err, code = told("-m", *SMALL, launcher, "seed=0,1")
    assert (out, code) == ("", 1)
    assert err.startswith(f"cl-train: {starter} has started 2 processes, and each would run this whole sweep")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("wrong", JOBS_REFUSED)
def test_one_wrong_job_and_nothing_is_submitted(wrong: str, told: Any) -> None:
    out, err, code = told("-m", *SMALL, SLURM, wrong)
    assert (out.splitlines()[0], code) == ("sweep: 2 jobs", 1)
    first, second, reason = err.splitlines()
    assert (first, second) == ("cl-train: nothing was submitted", "cl-train: 1 of 2 jobs failed:")
    assert reason.startswith(f"  {JOBS_REFUSED[wrong]}")
    assert list(Path().iterdir()) == []


def test_a_job_of_gpus_that_only_the_cluster_has_is_submitted(told: Any) -> None:
    elsewhere = ("trainer=slurm", "trainer.devices=4", "trainer.num_nodes=2", "data.root=/only/there")
    out, err, code = told(
        *("-m", "data=cifar10", *elsewhere, SLURM, "hydra.launcher.dry_run=true", "seed=0,1"),
        *("hydra.launcher.partition=long", "hydra.launcher.setup=[module load cuda]", "encoder=small_resnet"),
        *("+hydra.launcher.sbatch.exclude=node7", "hydra.launcher.minutes=90", "hydra.launcher.mem=64G"),
    )
    assert (err, code) == ("", 0)
    for line in (
        *(
            "#SBATCH --nodes=2",
            "#SBATCH --ntasks-per-node=4",
            "#SBATCH --gpus-per-node=4",
            "#SBATCH --time=90",
        ),
        *("#SBATCH --partition=long", "#SBATCH --exclude=node7", "#SBATCH --mem=64G", "#SBATCH --requeue"),
        *("#SBATCH --signal=USR2@120", "#SBATCH --array=0-1%2", "module load cuda"),
        *("# task 0: seed=0", "# task 1: seed=1"),
        "sweep: 2 jobs, nothing was submitted (hydra.launcher.dry_run=true)",
    ):
        assert line in out.splitlines(), (line, out)
    assert list(Path().iterdir()) == []


def test_a_dry_run_shows_an_array_for_each_kind_of_job_and_writes_nothing(told: Any) -> None:
    devices = "trainer.devices=1,2"
    out, _, code = told("-m", *SMALL, SLURM, "hydra.launcher.dry_run=true", devices, "seed=0,1,1")
    assert code == 0
    assert out.count("#!/bin/bash") == 1, "devices change no result, so these are two runs"
    assert "# task 1: " in out
    assert "# task 2: " not in out
    assert "gpus-per-node" not in out
    assert list(Path().iterdir()) == []


def test_a_dry_run_of_a_search_shows_its_first_trials(told: Any) -> None:
    out, err, code = told(
        *("-m", *SMALL, OPTUNA, SLURM, "hydra.launcher.dry_run=true", "hydra.sweeper.n_jobs=2"),
        "loss.temperature=interval(0.1,1)",
    )
    assert (err, code) == ("", 0)
    assert out.count("loss.temperature=0.") == 4
    assert "nothing was submitted" in out


@pytest.mark.parametrize("launcher", ["hydra/launcher=local", PARALLEL, SLURM])
def test_a_single_job_that_can_not_be_composed_gets_one_line(launcher: str, told: Any) -> None:
    out, err, code = told("-m", *SMALL, launcher, "los.temperature=1")
    assert code == 1
    assert "Traceback" not in out + err
    assert "los is no key here; did you mean loss?" in err


def test_without_slurm_the_launcher_says_what_it_needs(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    out, err, code = told("-m", *SMALL, SLURM, "seed=0,1")
    assert (out, code, len(err.splitlines())) == ("sweep: 2 jobs\n", 1, 1), err
    assert "SLURM does not take the jobs" in err
    assert "accepted: a machine from which sbatch and squeue work" in err


@pytest.mark.parametrize(
    ("module", "part", "option"),
    [
        ("submitit", "cluster", SLURM),
        ("optuna", "search", OPTUNA),
    ],
)
def test_without_its_package_an_option_says_what_to_install(
    module: str, part: str, option: str, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name == module or name.startswith((f"{module}.", f"cl_lightning.sweeps.{part}")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("queue", "space"):
        monkeypatch.delitem(sys.modules, f"cl_lightning.sweeps.{name}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]
    _, err, code = told("-m", *SMALL, option)
    assert code == 1
    extra = {"submitit": "slurm"}.get(module, module)
    assert err.startswith(f"cl-train: {option} needs ")
    assert f"accepted: pip install 'cl_lightning[{extra}]'" in err
