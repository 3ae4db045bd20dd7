"""The jobs of a sweep as they are known before the first one starts."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, RunMode

from cl_lightning.runs import RunFolder
from cl_lightning.sweeps import Job, JobsFailedError, end, plan
from cl_lightning.sweeps.jobs import reason
from tests.small import CONF, SMALL, config


def planned(*jobs: tuple[str, ...], first: int = 0) -> list[Job]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        sweep = hydra.compose_config("train", [], RunMode.MULTIRUN, with_log_configuration=False)
        return plan(HydraContext(hydra.config_loader, Callbacks()), sweep, jobs, first)


def finish(*overrides: str, **summary: Any) -> RunFolder:
    folder = RunFolder.of(config(*overrides))
    folder.path.mkdir(parents=True)
    (folder.path / "summary.json").write_text(json.dumps({"knn_top1": 0.5, "loss": 2.0, **summary}))
    return folder


def test_jobs_are_the_runs_of_single_commands_whatever_state_they_are_in() -> None:
    before = HydraConfig.instance().cfg
    finish(*SMALL, "seed=1")
    finish(*SMALL, "seed=2", "run.metric=loss")
    seeds = (
        "seed=0",
        "seed=1",
        "seed=2 run.metric=loss",
        "seed=-1",
        "seed=x",
        "los.temperature=1",
        "loss=no",
    )
    jobs = planned(*[(*SMALL, *seed.split()) for seed in seeds], first=5)
    assert [one.number for one in jobs] == list(range(5, 12))
    assert [one.name for one in jobs] == list(seeds)
    assert [one.state for one in jobs] == ["waiting", "finished", "finished", *["failed"] * 4]
    assert [one.value for one in jobs] == [None, 0.5, 2.0, None, None, None, None]
    for one, seed in zip(jobs[:3], seeds, strict=False):
        single = config(*SMALL, *seed.split())
        assert one.config == single
        assert one.folder.path == RunFolder.of(single).path
    reasons = (
        "seed is -1; accepted: a whole number from 0",
        "seed is 'x'",
        "los is no key here",
        "loss is 'no'",
    )
    for one, start in zip(jobs[3:], reasons, strict=True):
        assert one.error is not None
        assert reason(one.error).startswith(start)
    assert HydraConfig.instance().cfg is before
    assert {path.name for path in Path().iterdir()} == {"runs"}
    statuses = [one.returned().status for one in jobs]
    assert statuses == [JobStatus.UNKNOWN, *[JobStatus.COMPLETED] * 2, *[JobStatus.FAILED] * 4]
    assert jobs[1].returned().return_value == 0.5


def test_a_job_whose_typed_warm_up_does_not_fit_is_no_finished_one() -> None:
    short = tuple(override for override in SMALL if "warmup_epochs" not in override)
    (folder := finish(*short).path).joinpath("config.yaml").write_text(yaml.safe_dump(config(*short)))
    own, typed = planned(short, (*short, "schedule.warmup_epochs=10"))
    assert own.folder.path == typed.folder.path == folder
    assert (own.state, typed.state) == ("finished", "failed")
    assert "schedule.warmup_epochs" in str(typed.error)


def test_hydras_values_are_those_of_each_job() -> None:
    jobs = planned(
        *[
            (*SMALL, f"seed={seed}", "run.name=${hydra:job.num}_${hydra:runtime.choices.loss}")
            for seed in (0, 1)
        ],
        first=3,
    )
    assert [one.config["run"]["name"] for one in jobs] == ["3_nt_xent", "4_nt_xent"]


def test_a_single_job_needs_no_name() -> None:
    assert planned((*SMALL, "seed=1"))[0].name == ""


def test_the_end_lists_what_failed_and_why(capsys: Any) -> None:
    finish(*SMALL, "seed=1")
    jobs = planned(*[(*SMALL, f"seed={seed}") for seed in (-1, 1, -2)])
    with pytest.raises(JobsFailedError):
        end([one.returned() for one in jobs], "runs")
    out, err = capsys.readouterr()
    assert out == "sweep: 1 of 3 jobs done; cl-report runs compares all\n"
    first, *rest = err.splitlines()
    assert first == "cl-train: 2 of 3 jobs failed:"
    assert [line.split(";")[0] for line in rest] == ["  seed=-1: seed is -1", "  seed=-2: seed is -2"]
    end([jobs[1].returned()], "runs")
    assert capsys.readouterr() == ("sweep: 1 of 1 jobs done; cl-report runs compares all\n", "")
