"""What goes wrong in a run, told once in plain words."""

from typing import Any

from cl_lightning.callbacks.conditions import CONDITIONS, EXPLAIN_A_STALE_QUEUE, stale
from cl_lightning.callbacks.readings import Readings


class Diagnosis:
    """Tells a condition in the epoch in which it appears, and again only after it had clearly gone.

    `messages`: all that was told, as {"epoch": as in metrics.csv, from 0; "message": text}.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.told: list[str] = []  # the conditions that were told and still hold

    def of(self, epoch: int, readings: Readings) -> list[str]:
        """What is new in this epoch."""
        holding = {c.__name__: text for c in CONDITIONS if (text := c(readings, c.__name__ in self.told))}
        visible = list(holding)[:1]
        if text := stale(readings, "stale" in self.told):
            holding["stale"] = text
            visible += [] if EXPLAIN_A_STALE_QUEUE & holding.keys() else ["stale"]
        new = [name for name in visible if name not in self.told]
        self.told = [name for name in self.told if name in holding] + new
        self.messages += [{"epoch": epoch, "message": holding[name]} for name in new]
        return [holding[name] for name in new]
