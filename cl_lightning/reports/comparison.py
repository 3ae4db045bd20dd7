"""The content of a report: text and numbers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cl_lightning.reports.columns import Column, differing
from cl_lightning.reports.formatting import value_text
from cl_lightning.reports.metrics import SHOWN, compared
from cl_lightning.reports.rows import Row, keys_of, rows_of
from cl_lightning.reports.run import Run
from cl_lightning.runs.metrics import low_is_better

STATES = ("finished", "running", "failed", "stopped")


@dataclass(frozen=True)
class Comparison:
    """Runs, their rows (best first by `metric`), and the columns that distinguish the rows."""

    runs: Sequence[Run]
    metric: str
    rows: Sequence[Row]
    columns: Sequence[Column]

    @classmethod
    def of(cls, runs: Sequence[Run], by: str | None) -> "Comparison":
        """Compare runs by a number in summary.json (default: the `run.metric` of the configs).

        Raises:
            ConfigError: no finished run has this number.
        """
        metric = compared(runs, by)
        return cls(runs, metric, *rows_of(runs, metric))

    @property
    def counts(self) -> str:
        """A line such as `12 runs: 9 finished, 2 running, 1 failed`."""
        states = Counter(str(run.state) for run in self.runs)
        parts = [f"{states[state]} {state}" for state in STATES if states[state]]
        return f"{len(self.runs)} run{'s' if len(self.runs) > 1 else ''}: {', '.join(parts)}"

    @property
    def order(self) -> str:
        """A line that explains the order of the rows and the numbers."""
        way = "lower" if low_is_better(self.metric) else "higher"
        several = any(row.finished > 1 for row in self.rows)
        spread = "; mean ± standard deviation over seeds" if several else ""
        return f"best first by {self.metric} ({way} is better){spread}"

    @property
    def unfinished(self) -> list[Run]:
        ordered = sorted(self.runs, key=lambda run: STATES.index(run.state))
        return [run for run in ordered if run.state != "finished"]

    @property
    def metrics(self) -> list[str]:
        """The compared metric, then the others that some run has."""
        measured = {name for run in self.runs for name in run.numbers}
        return [self.metric, *(name for name in SHOWN if name in measured and name != self.metric)]

    @property
    def titles(self) -> list[str]:
        """The titles of the columns that distinguish the rows."""
        return [column.title for column in self.columns] or ["run"]

    def labels(self, row: Row) -> list[str]:
        """A row's values in these columns; the run's name if nothing differs."""
        if not self.columns:
            return [str(row.runs[0].config["run"].get("name", ""))]
        pairs = zip(self.columns, row.values, strict=True)
        return [value_text(value, name=column.is_target) for column, value in pairs]

    @cached_property
    def differing(self) -> dict[str, Mapping[str, Any]]:
        """For each run, by its hash, the values of all keys that differ, except the seed."""
        keys = differing(keys_of(self.runs))
        return {
            run.hash: {key: values[place] for key, values in keys.items()}
            for place, run in enumerate(self.runs)
        }


def seeds(row: Row) -> str:
    """The number of finished seeds, and of all seeds if some are not finished."""
    return str(row.finished) if row.finished == len(row.runs) else f"{row.finished}/{len(row.runs)}"
