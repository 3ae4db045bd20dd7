"""`cl-train -m` up to the moment at which its jobs would start."""

import sys
from typing import Any

import pytest
from hydra.core.plugins import Plugins

from cl_lightning.sweeps import Job
from cl_lightning.train import main
from tests.small import SMALL

SPELLINGS = {
    "seed=1,2 loss.temperature=0.1,0.2": [
        *("seed=1 loss.temperature=0.1", "seed=1 loss.temperature=0.2"),
        *("seed=2 loss.temperature=0.1", "seed=2 loss.temperature=0.2"),
    ],
    "seed=range(1,6,2)": ["seed=1", "seed=3", "seed=5"],
    "loss.temperature=choice(0.1,0.5)": ["loss.temperature=0.1", "loss.temperature=0.5"],
    "views.mean=[0.1,0.1,0.1],[0.2,0.2,0.2]": ["views.mean=[0.1,0.1,0.1]", "views.mean=[0.2,0.2,0.2]"],
    "run.name='a,b',c": ["run.name='a,b'", "run.name=c"],
    "+hydra.sweeper.params.seed='1,2'": ["seed=1", "seed=2"],
    "+hydra.sweeper.params.seed='1,2' seed=7": ["seed=7"],
    "+hydra.sweeper.params={loss.temperature:'0.1,0.2'}": ["loss.temperature=0.1", "loss.temperature=0.2"],
    "seed=1,2 seed=3": ["seed=3"],
}


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The jobs of `cl-train -m OVERRIDES`, none of which is run."""

    def sweep(*overrides: str) -> list[Job]:
        found: list[Job] = []

        def run(jobs: list[Job], *rest: Any) -> None:
            found.extend(jobs)
            for one in jobs:
                if one.state == "waiting":
                    one.end(0.5)

        Plugins.instance()  # which imports them
        monkeypatch.setattr(sys.modules["hydra_plugins.cl_lightning.local"], "run_in_turn", run)
        monkeypatch.setattr(sys, "argv", ["cl-train", "-m", *overrides])
        main()
        return found

    return sweep


def own(jobs: list[Job]) -> list[str]:
    return [" ".join(o for o in one.overrides if o not in SMALL) for one in jobs]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_combination_is_a_job(spelling: str, swept: Any) -> None:
    jobs = swept(*SMALL, *spelling.split())
    assert own(jobs) == SPELLINGS[spelling]
    assert [one.error for one in jobs] == [None] * len(jobs)


def test_a_null_of_the_settings_is_null(swept: Any) -> None:
    (one,) = swept(*SMALL, "+hydra.sweeper.params={callbacks.progress:null}")
    assert one.config["callbacks"]["progress"] is None


def test_experiments_are_chosen_by_a_pattern(swept: Any) -> None:
    jobs = swept("experiment=glob(*_cpu)", "data.root=photos", "seed=0,1")
    assert [" ".join(one.overrides) for one in jobs] == [
        f"experiment={method}_cifar10_cpu data.root=photos seed={seed}"
        for method in ("moco_v2", "simclr")
        for seed in (0, 1)
    ]
    assert [one.config["method"]["name"] for one in jobs] == ["moco_v2", "moco_v2", "simclr", "simclr"]
    assert len({one.folder.path for one in jobs}) == 4
