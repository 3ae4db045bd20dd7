"""How processes end, and how jobs return to SLURM's queue. Imports nothing heavy, so that it loads first."""

from cl_lightning.interruption.command import as_command
from cl_lightning.interruption.requeue import requeue
from cl_lightning.interruption.signals import (
    ENDING,
    REQUEUEING,
    REQUEUEING_NAMES,
    STRENGTH,
    Flag,
    StoppedAtOnce,
    StopRun,
    nothing_more_to_stop,
    stop_at_once,
    stopping_at_once,
)
from cl_lightning.interruption.streams import open_streams
from cl_lightning.interruption.time_limit import OUT_OF_TIME, TIME_IS_OVER, OutOfTime, duration
from cl_lightning.interruption.workers import PATIENCE, WorkerError, end_with_parent, outlive_signals

__all__ = [
    "ENDING",
    "OUT_OF_TIME",
    "PATIENCE",
    "REQUEUEING",
    "REQUEUEING_NAMES",
    "STRENGTH",
    "TIME_IS_OVER",
    "Flag",
    "OutOfTime",
    "StopRun",
    "StoppedAtOnce",
    "WorkerError",
    "as_command",
    "duration",
    "end_with_parent",
    "nothing_more_to_stop",
    "open_streams",
    "outlive_signals",
    "requeue",
    "stop_at_once",
    "stopping_at_once",
]
