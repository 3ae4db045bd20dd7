"""A search that several processes can share, and that continues after an interruption."""

import math
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from numpy.random import SeedSequence
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.lock import HeldError, locked
from cl_lightning.sweeps.space import override_of, suggest

Direction = Literal["maximize", "minimize"]
POLL = 0.05  # seconds between two tries to get a lock
SEARCHED = "searched"  # the attribute of a study that describes what it searches
METRIC = "metric"  # an entry in it that is not a config key


@dataclass(frozen=True)
class Trial:
    """A set of values that is being tried."""

    number: int
    overrides: list[str]


class Search:
    """An Optuna study in a folder.

    The process that runs a trial holds a lock, which ends with the process. A trial with no lock and no value
    was interrupted, and is run next.

    Args:
        folder: the folder of the study's journal and locks.
        name: the name of the study.
        direction: maximize or minimize.
        seed: the seed of the sampler; a trial's values are a function of it, its number, and earlier trials.
        space: the distribution of each key.
        about: a hash of everything else that determines a trial.
        metric: the metric by which trials are compared.

    Raises:
        ConfigError: a study of this name exists, but searches something else.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        direction: Direction,
        seed: int,
        space: Mapping[str, BaseDistribution],
        about: str,
        metric: str,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name, self._seed, self._space = folder, name, seed, dict(space)
        storage = JournalStorage(JournalFileBackend(str(folder / f"{name}.journal")))
        self.study = optuna.create_study(
            study_name=name, storage=storage, direction=direction, load_if_exists=True
        )
        searched = {"about": about, **{key: str(space[key]) for key in sorted(space)}}
        found = self.study.user_attrs.get(SEARCHED)
        if found is not None:
            self._check_same(found, searched, direction, metric)
        if found is None or METRIC not in found:  # old studies did not store their metric
            self.study.set_user_attr(SEARCHED, searched | {METRIC: metric})

    def _check_same(
        self, found: Mapping[str, str], searched: Mapping[str, str], direction: str, metric: str
    ) -> None:
        there = f"hydra.sweeper.study is {self._name}, and {self._folder} has a study of this name"
        began, way = found.get(METRIC, metric), self.study.direction.name.lower()
        if {key: value for key, value in found.items() if key != METRIC} != searched:
            raise ConfigError(
                f"{there} about other values or another config; accepted: another name, or the command that "
                "began it"
            )
        if began != metric:
            raise ConfigError(
                f"{there} that compares {began}, not {metric}; accepted: another name, or run.metric={began}"
            )
        if way != direction:
            raise ConfigError(
                f"{there} that began to {way} {metric}, but this search would {direction} it; accepted: "
                f"another name, or hydra.sweeper.direction={way} to go on as it began"
            )

    @contextmanager
    def trials(self, number: int, of: int, but: Container[int] = ()) -> Iterator[list[Trial]]:
        """Up to `number` trials for this process to run in the block; none once the study has `of` trials.

        Trials in `but` (already interrupted in this process) are left out.
        """
        with ExitStack() as held:
            taken: list[Trial] = []
            with self._alone():
                for begun in self._chosen():
                    if len(taken) < number and begun.state is TrialState.RUNNING and begun.number not in but:
                        self._take(begun.number, begun.params, taken, held)
                while len(taken) < number and len(self._chosen()) < of:
                    trial = self.study.ask()
                    seed = SeedSequence([self._seed, trial.number]).generate_state(1)[0]
                    self.study.sampler = optuna.samplers.TPESampler(seed=int(seed))
                    chosen = {key: suggest(trial, key, among) for key, among in self._space.items()}
                    self._take(trial.number, chosen, taken, held)
            yield taken

    def tell(self, trial: Trial, value: float | None) -> None:
        """Store the value of a trial; None or NaN means that it failed."""
        if value is not None and math.isnan(value):
            value = None
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        self.study.tell(trial.number, value, state=state)

    def best(self) -> tuple[int, float, list[str]] | None:
        """Number, value and overrides of the best trial so far."""
        if not self.study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
            return None
        best = self.study.best_trial
        assert best.value is not None, "a complete trial has a value"
        return best.number, best.value, [override_of(key, value) for key, value in best.params.items()]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """In this block no other process can choose trials, so that there are never too many."""
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(locked(self._folder / f"{self._name}.lock"))
                    break
                except HeldError:
                    time.sleep(POLL)
            yield

    def _chosen(self) -> list[FrozenTrial]:
        """All trials whose values were chosen before their process ended."""
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if trial.params.keys() == self._space.keys()]

    def _take(self, number: int, chosen: Mapping[str, Any], taken: list[Trial], held: ExitStack) -> None:
        try:
            held.enter_context(locked(self._folder / f"{self._name}-{number}.lock"))
        except HeldError:  # another process runs it
            return
        if self.study.get_trials(deepcopy=False)[number].state is TrialState.RUNNING:  # not ended meanwhile
            taken.append(Trial(number, [override_of(key, value) for key, value in chosen.items()]))
