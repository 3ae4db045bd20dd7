"""A search by Optuna: its choices, its memory, and those who share it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from cl_lightning.blueprints import ConfigError
from cl_lightning.sweeps.search import Search, Trial
from tests.sweeps.programs import wait_until

RATE = {"lr": FloatDistribution(1e-3, 10, log=True)}
SEVERAL = {
    **RATE,
    "layers": IntDistribution(2, 3),
    "size": IntDistribution(16, 64, step=16),
    "loss": CategoricalDistribution(["a", "[1,2]", "null"]),
}
# Takes trials one by one until there are none, as soon as all have come; tells their numbers.
WORKER = """
import json, sys, time
from pathlib import Path
from optuna.distributions import FloatDistribution
from cl_lightning.sweeps.search import Search

me, of = sys.argv[1:3]
Path(f"here-{me}").write_text("")
while not Path("go").is_file():
    pass
rate = {"lr": FloatDistribution(1e-3, 10, log=True)}
search = Search(Path("study"), "one", "maximize", 0, rate, "x", "knn_top1")
mine = []
while True:
    with search.trials(1, int(of)) as trials:
        if not trials:
            break
        mine += [trial.number for trial in trials]
        time.sleep(0.01)
        for trial in trials:
            search.tell(trial, 1.0)
print(json.dumps(mine))
"""


def study(
    space: Any = RATE,
    name: str = "one",
    direction: Any = "maximize",
    seed: int = 0,
    about: str = "x",
    metric: str = "knn_top1",
) -> Search:
    return Search(Path("study"), name, direction, seed, space, about, metric)


def values(trial: Trial) -> dict[str, str]:
    return dict(override.split("=", 1) for override in trial.overrides)


def tried(search: Search, count: int, value: float | None = None) -> list[Trial]:
    """The trials of a search one by one, each told `value`."""
    found: list[Trial] = []
    while True:
        with search.trials(1, count) as trials:
            if not trials:
                return found
            found += trials
            search.tell(trials[0], value)


def test_a_log_uniform_choice_is_uniform_in_its_logarithm() -> None:
    rates = [float(values(trial)["lr"]) for trial in tried(study(), 300)]
    assert all(1e-3 <= rate <= 10 for rate in rates)
    assert len(set(rates)) == 300
    assert scipy.stats.kstest(rates, scipy.stats.loguniform(1e-3, 10).cdf).pvalue > 0.01


def test_choices_are_options_whole_numbers_and_steps_that_hydra_reads_back() -> None:
    trials = tried(study(SEVERAL), 40)
    seen = {key: {values(trial)[key] for trial in trials} for key in ("layers", "size", "loss")}
    assert seen == {"layers": {"2", "3"}, "size": {"16", "32", "48", "64"}, "loss": {"a", "[1,2]", "null"}}
    for trial in trials:
        for override in OverridesParser.create().parse_overrides(trial.overrides):
            assert not override.is_sweep_override()
            if override.key_or_group == "lr":
                assert override.value() == float(values(trial)["lr"])


def test_the_seed_tells_the_first_trials() -> None:
    first, same, other = (
        tried(study(name=name, seed=seed), 5) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == same
    assert not {trial.overrides[0] for trial in first} & {trial.overrides[0] for trial in other}


def test_an_interrupted_search_goes_on_with_the_very_trial() -> None:
    done = tried(study(), 2, 0.5)
    with study().trials(2, 5) as interrupted:  # and nothing told
        assert [trial.number for trial in interrupted] == [2, 3]
    search = study()
    with search.trials(2, 5) as again:
        assert again == interrupted
    rest = tried(search, 5, 0.5)
    assert [trial.number for trial in done + rest] == [0, 1, 2, 3, 4]
    assert rest[:2] == interrupted
    assert [path.name for path in Path("study").iterdir() if path.suffix == ".lock"] == []


def test_a_trial_that_was_interrupted_here_waits_for_the_next_start() -> None:
    search = study()
    with search.trials(1, 2) as trials:
        first = trials
    with search.trials(2, 2, but={first[0].number}) as trials:
        assert [trial.number for trial in trials] == [1]
        search.tell(trials[0], 1.0)
    with search.trials(1, 2, but={first[0].number}) as trials:
        assert trials == []
    with study().trials(1, 2) as trials:
        assert trials == first


def test_processes_share_a_study_and_each_trial_is_one_process_s() -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(me), "30"], stdout=subprocess.PIPE, text=True)
        for me in range(4)
    ]
    wait_until(lambda: len(list(Path().glob("here-*"))) == 4, seconds=60)
    Path("go").write_text("")
    told = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sorted(number for mine in told for number in mine) == list(range(30))
    assert len(study().study.trials) == 30


@pytest.mark.parametrize(
    "other",
    [
        {"about": "y"},
        {"space": {"lr": FloatDistribution(1e-3, 1, log=True)}},
        {"space": SEVERAL},
    ],
)
def test_a_study_of_the_same_name_about_something_else_is_refused(other: dict[str, Any]) -> None:
    study()
    with pytest.raises(ConfigError, match="accepted: another name, or the command that began it"):
        study(**other)


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"direction": "minimize"}, "hydra.sweeper.direction=maximize"),
        ({"metric": "effective_rank"}, "run.metric=knn_top1"),
        ({"metric": "loss", "direction": "minimize"}, "run.metric=knn_top1"),
    ],
)
def test_a_study_that_began_towards_something_else_is_refused_with_the_key_that_goes_on(
    other: dict[str, Any], key: str
) -> None:
    tried(study(), 2, 0.5)
    with pytest.raises(ConfigError, match=f"accepted: another name, or {key}"):
        study(**other)
    assert len(tried(study(), 3, 0.5)) == 1
    assert len(tried(study(**other, name="another"), 2, 0.5)) == 2


def test_a_study_of_before_they_told_their_metric_goes_on_and_tells_it() -> None:
    older = study()
    older.study.set_user_attr("searched", {"about": "x", "lr": str(RATE["lr"])})
    with pytest.raises(ConfigError, match=r"began to maximize loss.* hydra\.sweeper\.direction=maximize"):
        study(metric="loss", direction="minimize")
    study()
    with pytest.raises(ConfigError, match=r"compares knn_top1, not effective_rank"):
        study(metric="effective_rank")


@pytest.mark.parametrize(("direction", "best"), [("maximize", 2), ("minimize", 1)])
def test_the_best_is_by_the_direction_and_never_a_failed_trial(direction: str, best: int) -> None:
    search = study(direction=direction)
    assert search.best() is None
    for value in (None, 0.25, 0.75, float("nan")):
        with search.trials(1, 9) as (trial,):
            search.tell(trial, value)
    states = [trial.state for trial in search.study.trials]
    assert states == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]
    found = search.best()
    assert found is not None
    assert found[:2] == (best, [0.25, 0.75][best - 1])


def test_a_trial_whose_process_ended_before_its_choice_is_not_counted() -> None:
    study().study.ask()  # by a process that ended then
    assert [trial.number for trial in tried(study(), 3, 0.5)] == [1, 2, 3]
