"""Signals that end a run, and the way back into SLURM's queue. Imports nothing heavy, to be there first."""

from cl_lightning.interruption.requeue import requeue
from cl_lightning.interruption.signals import (
    ENDING,
    REQUEUEING,
    STRENGTH,
    Flag,
    StoppedAtOnce,
    StopRun,
    nothing_more_to_stop,
    outlive_first_signals,
    stop_at_once,
    stopping_at_once,
)

__all__ = [
    "ENDING",
    "REQUEUEING",
    "STRENGTH",
    "Flag",
    "StopRun",
    "StoppedAtOnce",
    "nothing_more_to_stop",
    "outlive_first_signals",
    "requeue",
    "stop_at_once",
    "stopping_at_once",
]
