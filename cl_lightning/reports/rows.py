"""A row for each group of runs that differ only in the seed, best first."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cl_lightning.reports.columns import Column, columns, is_number
from cl_lightning.reports.formatting import value_text
from cl_lightning.reports.run import Run
from cl_lightning.reports.seeds import without_seeds
from cl_lightning.runs.identity import flat
from cl_lightning.runs.metrics import low_is_better


@dataclass(frozen=True)
class Mean:
    """The mean over the seeds that have a value. `spread`: sample standard deviation, None for one seed."""

    mean: float
    spread: float | None


@dataclass(frozen=True)
class Row:
    """Runs that differ only in the seed, their other keys, and the values of the columns."""

    runs: tuple[Run, ...]
    keys: Mapping[str, Any]
    values: tuple[Any, ...]

    @property
    def finished(self) -> int:
        return sum(run.state == "finished" for run in self.runs)

    def over_seeds(self, metric: str) -> Mean | None:
        """The mean of a metric over seeds; None if no seed has it."""
        numbers = [run.numbers[metric] for run in self.runs if metric in run.numbers]
        if not numbers:
            return None
        with np.errstate(all="ignore"):  # infinity minus infinity
            spread = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else None
            return Mean(float(np.mean(numbers)), spread)

    def mean(self, metric: str) -> float:
        """The mean of a metric over seeds; NaN if no seed has it."""
        found = self.over_seeds(metric)
        return math.nan if found is None else found.mean


def keys_of(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """For each run, the values of all keys that determine the result of some run; without seeds.

    For example `trainer.devices` determines the result only if `encoder.batch_norm` is plain. If one run has
    plain, the value of `trainer.devices` is included for all runs.
    """
    known = {key for run in runs for key in run.keys}
    every = [flat(run.config) | dict(run.keys) for run in runs]
    return without_seeds([{k: v for k, v in keys.items() if k in known} for keys in every])


def rows_of(runs: Sequence[Run], metric: str) -> tuple[list[Row], list[Column]]:
    """The rows, best first by the mean of `metric` (rows without it last), and the columns that differ."""
    groups: dict[str, list[int]] = {}
    for place, determining in enumerate(without_seeds([run.keys for run in runs])):
        groups.setdefault(json.dumps(determining, sort_keys=True, default=str), []).append(place)
    keys = keys_of(runs)
    found = columns([keys[places[0]] for places in groups.values()])
    rows = [
        Row(
            tuple(sorted((runs[place] for place in places), key=lambda run: run.seed)),
            keys[places[0]],
            tuple(column.values[row] for column in found),
        )
        for row, places in enumerate(groups.values())
    ]
    return sorted(rows, key=lambda row: _order(row, metric)), found


def _order(row: Row, metric: str) -> tuple[Any, ...]:
    mean = row.mean(metric)
    better_first = mean if low_is_better(metric) else -mean
    values = [(not is_number(v), v if is_number(v) else 0, value_text(v)) for v in row.values]
    return math.isnan(mean), 0.0 if math.isnan(mean) else better_first, values
