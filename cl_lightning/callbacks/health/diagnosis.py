"""Reports each condition once."""

from collections.abc import Sequence
from typing import Any

from cl_lightning.callbacks.health.conditions import CONDITIONS, EXPLAIN_ALL
from cl_lightning.callbacks.health.statistics import EpochStatistics
from cl_lightning.callbacks.method_state import MethodState


class Diagnosis:
    """Reports a condition in the epoch in which it appears, and again only after it has clearly ended.

    `messages`: all reports, as {"epoch": as in metrics.csv, from 0; "message": text}.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.told: list[str] = []  # conditions that were reported and still hold

    def of(self, epoch: int, statistics: EpochStatistics, states: Sequence[MethodState] = ()) -> list[str]:
        """The messages that are new in this epoch, with those of the method's states."""
        holding = {c.__name__: text for c in CONDITIONS if (text := c(statistics, c.__name__ in self.told))}
        visible = list(holding)[:1]
        explained = bool(EXPLAIN_ALL & holding.keys())
        for state in states:
            name = type(state).__name__
            if text := state.trouble(statistics.steps, name in self.told):
                holding[name] = text
                visible += [] if explained else [name]
        new = [name for name in visible if name not in self.told]
        self.told = [name for name in self.told if name in holding] + new
        self.messages += [{"epoch": epoch, "message": holding[name]} for name in new]
        return [holding[name] for name in new]
